-- The latest state of each task and container instance: records by id, each a JSON array that
-- begins with the id and the version. Events arrive twice and in any order, and two writers may
-- interleave. So the comparison of the versions and the write are one script.

local RECORDS = {task = KEYS[1], instance = KEYS[2]}
local STOPPED = KEYS[3] -- ids of what has stopped, by the time of the stop
local KEPT_FOR, KEPT = 86400, 2000 -- s; how many

local function ensure(key, wanted)
  local is = redis.call('TYPE', key).ok
  if is ~= wanted and is ~= 'none' then redis.call('DEL', key) end
end

local function prepare()
  ensure(RECORDS.task, 'hash')
  ensure(RECORDS.instance, 'hash')
  ensure(STOPPED, 'zset')
end

local function now() return tonumber(redis.call('TIME')[1]) end

-- Below every version for what was not written here.
local function version_of(record)
  return tonumber(string.match(record or '', '^%["[^"]*",(%d+)[,%]]')) or -1
end

-- Delete what stopped long ago, and the oldest of what is too many.
local function forget()
  for _, ids in ipairs({
    redis.call('ZRANGE', STOPPED, '-inf', now() - KEPT_FOR, 'BYSCORE'),
    redis.call('ZRANGE', STOPPED, 0, -KEPT - 1),
  }) do
    for _, id in ipairs(ids) do
      redis.call('HDEL', RECORDS.task, id)
      redis.call('HDEL', RECORDS.instance, id)
      redis.call('ZREM', STOPPED, id)
    end
  end
end

-- Keep a record unless one of this version or a higher one is kept. One of the same version is
-- replaced only if it is still the `expected` one, from which the new one was made.
-- `stopped`: '' for what lives, else the time of the stop in seconds, 0 if it is not known.
local function keep(kind, id, version, record, stopped, expected)
  local held = redis.call('HGET', RECORDS[kind], id)
  local had, new = version_of(held), tonumber(version)
  if had > new or (had == new and held ~= expected) then return 0 end
  redis.call('HSET', RECORDS[kind], id, record)
  if stopped == '' then
    redis.call('ZREM', STOPPED, id)
  else
    local at, latest = tonumber(stopped), now()
    redis.call('ZADD', STOPPED, (at > 0 and at < latest) and at or latest, id)
  end
  return 1
end

local actions = {}

-- Keep each record that is news: six arguments for each. Returns how many were.
function actions.keep(...)
  prepare()
  local changes, kept = {...}, 0
  for at = 1, #changes, 6 do kept = kept + keep(unpack(changes, at, at + 5)) end
  forget()
  return kept
end

-- One line for each task: its id, version, whether it has stopped, and its health.
function actions.versions()
  prepare()
  forget()
  local stopped, lines = {}, {}
  for _, id in ipairs(redis.call('ZRANGE', STOPPED, 0, -1)) do stopped[id] = true end
  local held = redis.call('HGETALL', RECORDS.task)
  for at = 1, #held, 2 do
    local health = string.match(held[at + 1],
      '^%["[^"]*",%d+,"[^"]*","[^"]*",[^,]*,[^,]*,[^,]*,[^,]*,"(%u*)"') or ''
    lines[#lines + 1] = string.format('%s %.0f %d %s',
      held[at], version_of(held[at + 1]), stopped[held[at]] and 1 or 0, health)
  end
  return table.concat(lines, '\n')
end

-- The records of these tasks, '' for each that is not kept.
function actions.tasks(...)
  if select('#', ...) == 0 or redis.call('TYPE', RECORDS.task).ok ~= 'hash' then return {} end
  return redis.call('HMGET', RECORDS.task, ...)
end

-- All records: of the tasks, and of the instances.
function actions.read()
  local all = {}
  for number, kind in ipairs({'task', 'instance'}) do
    local records = {}
    if redis.call('TYPE', RECORDS[kind]).ok == 'hash' then
      local held = redis.call('HGETALL', RECORDS[kind])
      for at = 2, #held, 2 do records[at / 2] = held[at] end
    end
    all[number] = records
  end
  return all
end

return actions[ARGV[1]](unpack(ARGV, 2))
