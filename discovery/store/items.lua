-- The list as text, and the maps of its tasks: where an item stands, and what changes.

-- The pairs of a map from task to host.
local function each_task(tasks)
  return string.gmatch(tasks, '"([^"]+)":"([^"]+)"')
end

-- What a map has for one task: the text behind the colon.
local function of_task(map, task)
  local _, colon = string.find(map, '"' .. task .. '":', 1, true)
  return colon and string.sub(map, colon + 1, colon + 64) or ''
end

-- Where the list has a task's item: start and length, in bytes.
local function span(items, task)
  return string.match(of_task(items, task), '^%[%d+,(%d+),(%d+)[,%]]')
end

-- What to blank out so that an item leaves the list: its first and last character, with a comma
-- beside it. Nothing if the list does not hold the host there, as somebody else has written it.
local function item(list, host, start, length)
  if not start then return end
  local from, to = start + 1, start + length
  if string.sub(list, from, from) ~= '{' or string.sub(list, to, to) ~= '}' then return end
  if not string.find(string.sub(list, from, to), '"' .. host .. '"', 1, true) then return end
  if string.sub(list, to + 1, to + 1) == ',' then return from, to + 1 end
  local before = from - 1 -- earlier withdrawals left blanks
  while string.sub(list, before, before) == ' ' do before = before - 1 end
  return string.sub(list, before, before) == ',' and before or from, to
end

-- The hosts of a map of tasks, without the tasks that were withdrawn.
local function hosts(tasks, withdrawn)
  local set = {}
  for task, host in each_task(tasks) do
    if not withdrawn[task] then set[host] = true end
  end
  return set
end

-- The hosts of one set that the other lacks, as a JSON array.
local function missing(from, set)
  local lacking = {}
  for host in pairs(from) do
    if not set[host] then lacking[#lacking + 1] = '"' .. host .. '"' end
  end
  table.sort(lacking)
  return '[' .. table.concat(lacking, ',') .. ']'
end
