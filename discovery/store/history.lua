-- The latest state of each task and container instance: records by id, each a JSON array that
-- begins with the id and the version. Events arrive twice and in any order, and two writers may
-- interleave. So the comparison of the versions and the write are one script.

local RECORDS = {task = KEYS[1], instance = KEYS[2]}
local STOPPED = KEYS[3] -- ids of what has stopped, by the time of the stop
local KEPT_FOR, KEPT = 86400, 2000 -- s; how many
local PAGE = 500 -- records
local HIGHEST = 2 ^ 53 -- version; Lua counts in doubles, which are exact up to here

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

-- Anybody may have written the keys: what cannot be understood counts as absent.

-- Below every version for what was not written here.
local function version_of(record)
  local version = tonumber(string.match(record or '', '^%["[^"]*",(%d+)[,%]]'))
  return version and version <= HIGHEST and version or -1
end

-- Whether ECS could have given it: for one of another length it refuses a whole DescribeTasks.
local function is_id(text)
  return (#text == 32 or #text == 36) and not string.find(text, '[^%w-]')
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

-- Some records, and the cursor of the next ones; '0': these were the last. A record that is there
-- all the time comes once at least. Other calls go between the pages: all of 7,000 records would
-- hold them up for 20 ms.
local function scan(kind, cursor)
  if redis.call('TYPE', RECORDS[kind]).ok ~= 'hash' then return '0', {} end
  local page = redis.call('HSCAN', RECORDS[kind], cursor, 'COUNT', PAGE)
  return page[1], page[2]
end

-- One line for each task of a page: its id, its version, whether it has stopped, and its health.
function actions.versions(cursor)
  if cursor == '0' then
    prepare()
    forget()
  end
  local more, held = scan('task', cursor)
  local lines = {}
  for at = 1, #held, 2 do
    if is_id(held[at]) then
      local last, health = string.match(held[at + 1],
        '^%["[^"]*",%d+,"([^"]*)","[^"]*",[^,]*,[^,]*,[^,]*,[^,]*,"(%u*)"')
      lines[#lines + 1] = string.format('%s %.0f %d %s',
        held[at], version_of(held[at + 1]), last == 'STOPPED' and 1 or 0, health or '')
    end
  end
  return {more, table.concat(lines, '\n')}
end

-- The records of these tasks, '' for each that is not kept.
function actions.tasks(...)
  if select('#', ...) == 0 or redis.call('TYPE', RECORDS.task).ok ~= 'hash' then return {} end
  return redis.call('HMGET', RECORDS.task, ...)
end

-- Ids of what has stopped since a time, in seconds.
function actions.stopped(since)
  if redis.call('TYPE', STOPPED).ok ~= 'zset' then return {} end
  return redis.call('ZRANGE', STOPPED, since, '+inf', 'BYSCORE')
end

-- A page of the records of one kind: each an id and its record.
function actions.read(kind, cursor)
  return {scan(kind, cursor)}
end

return actions[ARGV[1]](unpack(ARGV, 2))
