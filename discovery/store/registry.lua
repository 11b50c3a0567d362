-- What is written, and when: every change of the registry is one of these actions,
-- so each happens whole or not at all, in one order, in one round trip.
--
-- One logical clock orders requests, listings, withdrawals and publications: its
-- numbers are the server's milliseconds, pushed on by at least one each time. As they
-- follow the time of day they go on rising after a failover that lost the last writes,
-- a flush or an empty restart: a token from before is old there, and stays old.
--
-- Keys may have been broken by other hands or another version: what is not of the
-- expected kind counts as absent, and is replaced by the next write.

local LIST, STATE, LEASE, PACE, WITHDRAWN = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local SKEW = 60000            -- ms; the clocks of two nodes differ by less
local WITHDRAWN_FOR = 3600000 -- ms; a run lasts 15 minutes at most, a stop not much longer
local CALLS = 600             -- of ECS, more than any listing takes
local ITEM = '^"task_name":"[^"]*","update_time":"[^"]*","status":"[^"]*"}' -- after its address

local function kind(key) return redis.call('TYPE', key).ok end

local function ensure(key, wanted)
  local is = kind(key)
  if is ~= wanted and is ~= 'none' then redis.call('DEL', key) end
end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- A clock number; one from further ahead was not written by us and would lock us out.
local function number(field)
  if kind(STATE) ~= 'hash' then return 0 end
  local n = tonumber(redis.call('HGET', STATE, field))
  if not n or n ~= math.floor(n) or n < 0 or n > now() + SKEW then return 0 end
  return n
end

-- The next number: higher than any that was given, should the clock itself be lost.
local function tick()
  local last = math.max(number('clock'), number('requested'), number('listing'), number('generation'))
  local n = math.max(last + 1, now())
  redis.call('HSET', STATE, 'clock', n)
  return n
end

-- A key that blocks somebody blocks nobody for longer than `longest` ms.
local function bounded(key, longest)
  ensure(key, 'string')
  local left = redis.call('PTTL', key)
  if left == -1 or left > longest then redis.call('DEL', key) end
end

local function prepare(lease)
  ensure(STATE, 'hash')
  ensure(WITHDRAWN, 'zset')
  bounded(LEASE, lease)
  if redis.call('PTTL', WITHDRAWN) == -1 then redis.call('PEXPIRE', WITHDRAWN, WITHDRAWN_FOR) end
end

-- A holder that only waits, before a listing that no task of the service needs, makes room for
-- a request that does.
local WAITING = 'waiting:'
local function holds(owner)
  local holder = redis.call('GET', LEASE)
  return not holder or holder == owner or string.sub(holder, 1, #WAITING) == WAITING
end

-- Keep the next listing waiting until this one's calls are paid for, at `costs` ms each.
local function pace(from, calls, costs)
  local wait = from + math.ceil(calls) * tonumber(costs) - now()
  if wait > 0 then
    redis.call('SET', PACE, calls, 'PX', wait)
  else
    redis.call('DEL', PACE)
  end
end

local function standing()
  local list, state, withdrawn = false, {}, {}
  if kind(LIST) == 'string' then list = redis.call('GET', LIST) end
  if kind(STATE) == 'hash' then state = redis.call('HGETALL', STATE) end
  if kind(WITHDRAWN) == 'zset' then withdrawn = redis.call('ZRANGE', WITHDRAWN, 0, -1) end
  return {number('generation'), list, state, withdrawn, now(), number('listing')}
end

-- Where the list, as a publication or a withdrawal left it, has the item of an address: the
-- first and the last character, a comma beside it included.
local function item(list, ip)
  local from, mid = string.find(list, '{"ip":"' .. ip .. '",', 1, true)
  if not from then return end
  local _, to = string.find(list, ITEM, mid + 1)
  if not to then return end
  if string.sub(list, to + 1, to + 1) == ',' then return from, to + 1 end
  local before = from - 1 -- blanks are what withdrawals left
  while string.sub(list, before, before) == ' ' do before = before - 1 end
  return string.sub(list, before, before) == ',' and before or from, to
end

-- The addresses of a map from task to address, without the tasks that were withdrawn.
local function addresses(tasks, withdrawn)
  local set = {}
  for task, ip in string.gmatch(tasks, '"([^"]+)":"([^"]+)"') do
    if not withdrawn[task] then set[ip] = true end
  end
  return set
end

-- The addresses of one set that the other lacks, as a JSON array.
local function missing(from, set)
  local lacking = {}
  for ip in pairs(from) do
    if not set[ip] then lacking[#lacking + 1] = '"' .. ip .. '"' end
  end
  table.sort(lacking)
  return '[' .. table.concat(lacking, ',') .. ']'
end

local function announce(generation, added, removed)
  redis.call('PUBLISH', LIST, string.format(
    '{"generation":%.0f,"added":%s,"removed":%s}', generation, added, removed))
end

local actions = {}

function actions.read()
  return standing()
end

-- Count a request; 1: nobody else is at work. The place is taken by `begin` alone: a server
-- that was frozen still carries out what dead runs sent, and these should block nobody.
function actions.enter(owner, lease)
  prepare(tonumber(lease))
  redis.call('HSET', STATE, 'requested', tick())
  return holds(owner) and 1 or 0
end

-- Take the place to wait in it, for less than a lease. 1: it is ours; 0: it is taken.
function actions.defer(owner, lease)
  prepare(tonumber(lease))
  return redis.call('SET', LEASE, WAITING .. owner, 'NX', 'PX', lease) and 1 or 0
end

-- Take the place, and a token for a listing that starts now. -1: the place is somebody
-- else's; a smaller number than a token: milliseconds to wait first.
function actions.begin(owner, lease, costs)
  prepare(tonumber(lease))
  bounded(PACE, CALLS * tonumber(costs))
  if not holds(owner) then return {-1} end
  redis.call('SET', LEASE, owner, 'PX', lease)
  local wait = redis.call('PTTL', PACE)
  if wait > 0 then return {wait} end
  local token = tick()
  -- The last listing tells what this one will cost, should it fail before it can say.
  local calls = tonumber(redis.call('HGET', STATE, 'calls')) or 0
  pace(token, math.min(math.max(calls, 2), CALLS), costs)
  return {token, standing()}
end

-- Keep the place, if it is still ours. 1: a request came after `token`, 0: none did.
-- A place that was given up or has expired is not taken again: only `begin` does that.
function actions.renew(owner, lease, token)
  prepare(tonumber(lease))
  if redis.call('GET', LEASE) == owner then redis.call('PEXPIRE', LEASE, lease) end
  return number('requested') > tonumber(token) and 1 or 0
end

-- Give the place up; with a token only if no request came after it. 0: one did.
function actions.leave(owner, lease, token)
  prepare(tonumber(lease))
  if not holds(owner) then return 1 end
  if token ~= '' and number('requested') > tonumber(token) then return 0 end
  redis.call('DEL', LEASE)
  return 1
end

-- What comes in was decided on the tombstones of the listing's begin. Take the tasks that were
-- withdrawn since out of it, and say what really changes. A publication that refused for each
-- of them would never end while tasks go on stopping.
local function without_withdrawn(list, tasks)
  local withdrawn, late = {}, {}
  for _, task in ipairs(redis.call('ZRANGE', WITHDRAWN, 0, -1)) do withdrawn[task] = true end
  for task, ip in string.gmatch(tasks, '"([^"]+)":"([^"]+)"') do
    local from, to
    if withdrawn[task] then from, to = item(list, ip) end
    if from then
      list = string.sub(list, 1, from - 1) .. string.sub(list, to + 1)
      late[#late + 1] = task
    end
  end
  local before, after = {}, addresses(tasks, withdrawn)
  if kind(LIST) == 'string' then
    before = addresses(redis.call('HGET', STATE, 'tasks') or '', withdrawn)
  end
  return list, missing(after, before), missing(before, after), late
end

-- Write the list, if this listing is the newest and was decided on the one published last.
-- The answer: the new generation and the tasks that were withdrawn too late for the decision
-- and are left out; 0: a newer listing is published; -1 and what stands: decide on that.
function actions.publish(token, base, generation, list, tasks, ttl, added, removed, calls, costs, ...)
  ensure(STATE, 'hash')
  ensure(WITHDRAWN, 'zset')
  local listed, late = number('listing'), {}
  if listed == tonumber(token) then return {number('generation'), late} end -- a repeated call
  if listed > tonumber(token) then return {0} end
  if number('generation') ~= tonumber(generation) then
    if listed ~= tonumber(base) then return {-1, standing()} end
    list, added, removed, late = without_withdrawn(list, tasks)
  end
  local new = tick()
  -- First, as it may be denied: a script that fails later would leave half of it written.
  if added ~= '[]' or removed ~= '[]' then announce(new, added, removed) end
  if ttl == '0' then
    redis.call('SET', LIST, list)
  else
    redis.call('SET', LIST, list, 'EX', ttl)
  end
  redis.call('HSET', STATE, 'generation', new, 'listing', token, 'tasks', tasks, 'calls', calls, ...)
  pace(tonumber(token), tonumber(calls), costs)
  return {new, late}
end

-- Take a task that was told to stop out of the list, and keep it out. Its address, or ''.
-- Blanks take the item's place, as a list of 5,000 tasks that is written anew for each of them
-- would go to every replica; for the same reason the map of tasks stays until it is published.
function actions.withdraw(task)
  ensure(STATE, 'hash')
  ensure(WITHDRAWN, 'zset')
  local at = tick()
  local tasks, ip, from, to = redis.call('HGET', STATE, 'tasks') or '', nil, nil, nil
  local _, mid = string.find(tasks, '"' .. task .. '":"', 1, true)
  if mid then ip = string.match(tasks, '^[%x.:]+', mid + 1) end
  if ip and kind(LIST) == 'string' then from, to = item(redis.call('GET', LIST), ip) end
  if from then
    announce(at, '[]', '["' .. ip .. '"]')
    redis.call('SETRANGE', LIST, from - 1, string.rep(' ', to - from + 1))
  end
  local new = redis.call('ZADD', WITHDRAWN, 'NX', at, task)
  redis.call('ZREMRANGEBYSCORE', WITHDRAWN, '-inf', at - WITHDRAWN_FOR)
  redis.call('PEXPIRE', WITHDRAWN, WITHDRAWN_FOR)
  if new == 1 or from then redis.call('HSET', STATE, 'generation', at) end
  return from and ip or ''
end

return actions[ARGV[1]](unpack(ARGV, 2))
