-- Every change of the registry is one of these actions, so each change happens whole or not at
-- all, in one order, in one round trip.

-- The tasks that may not be listed.
local function tombstones()
  local tasks = {}
  for _, key in ipairs({WITHDRAWN, DRAINING}) do
    if kind(key) == 'zset' then
      for _, task in ipairs(redis.call('ZRANGE', key, 0, -1)) do tasks[#tasks + 1] = task end
    end
  end
  return tasks
end

local function published()
  local list, state = false, {}
  if kind(LIST) == 'string' then list = redis.call('GET', LIST) end
  if kind(STATE) == 'hash' then state = redis.call('HGETALL', STATE) end
  return {number('generation'), list, state, tombstones(), now(), number('listing')}
end

local function announce(generation, added, removed)
  redis.call('PUBLISH', LIST, string.format(
    '{"generation":%.0f,"added":%s,"removed":%s}', generation, added, removed))
end

local actions = {}

function actions.read()
  return published()
end

-- The tasks that events have named, and when: the next listing looks at them. `task=number ...`
local function name(at, tasks)
  local named = redis.call('HGET', STATE, 'named') or ''
  for task in string.gmatch(tasks, '%S+') do named = named .. task .. '=' .. at .. ' ' end
  if #named > MOST_NAMED then return false end
  redis.call('HSET', STATE, 'named', named)
  return true
end

-- Those that were named after a listing began are left to the next one.
local function named_after(token)
  local left = {}
  for task, at in string.gmatch(redis.call('HGET', STATE, 'named') or '', '(%S+)=(%d+)') do
    at = tonumber(at)
    if at > token and at <= now() + SKEW then left[#left + 1] = string.format('%s=%.0f ', task, at) end
  end
  return table.concat(left)
end

-- Count a request. 1: no other run holds the lease. Only `acquire` takes the lease: a server that
-- was frozen still executes what dead runs sent, and that should hold nobody up.
function actions.request(owner, lease, full, tasks)
  prepare(tonumber(lease))
  local at = tick()
  redis.call('HSET', STATE, 'requested', at)
  if full == '1' or not name(at, tasks) then redis.call('HSET', STATE, 'full_requested', at) end
  return may_take(owner) and 1 or 0
end

-- A full listing looks at each task. It is due if one was requested since the last one began, and
-- at the latest a minute after that.
local function full_is_due()
  local last = number('full')
  return number('full_requested') > last or now() - last > FULL_EVERY
end

-- Take the lease to wait with it, for less than its length. 0: another run holds it.
function actions.reserve(owner, lease)
  prepare(tonumber(lease))
  return redis.call('SET', LEASE, RESERVED .. owner, 'NX', 'PX', lease) and 1 or 0
end

-- Take the lease, and a fencing token for a listing that starts now; also returned are the
-- published state, the milliseconds that the next listing will have to wait, and whether this one
-- has to be full. -1: another run holds the lease. A number below any token: the milliseconds that
-- the rate limit wants first.
function actions.acquire(owner, lease, urgent, costs, burst)
  costs, burst = tonumber(costs), tonumber(burst)
  prepare(tonumber(lease))
  bounded(RATELIMIT, (MOST_CALLS + burst) * costs)
  if not may_take(owner) then return {-1} end
  redis.call('SET', LEASE, owner, 'PX', lease)
  local full = full_is_due()
  local calls = expected_calls(full)
  -- Half of the bucket is kept for what a reader misses: a task that runs and is not listed.
  urgent = urgent == '1' or full or (redis.call('HGET', STATE, 'named') or '') ~= ''
  local wait = wait_for(calls, costs, urgent and burst or math.floor(burst / 2))
  if wait > 0 then return {wait} end
  local token = tick()
  take(calls, costs) -- now, as this listing may fail before it reports
  return {token, published(), wait_for(calls, costs, burst), full and 1 or 0}
end

-- Extend the lease if it is still ours. 1: a request came after `token`, 0: none did.
-- A lease that was released or has expired is not taken again: only `acquire` does that.
function actions.renew(owner, lease, token)
  prepare(tonumber(lease))
  if redis.call('GET', LEASE) == owner then redis.call('PEXPIRE', LEASE, lease) end
  return number('requested') > tonumber(token) and 1 or 0
end

-- Give the lease back; with a token only if no request came after it. 0: one did.
local function give_back(owner, token)
  if not may_take(owner) then return 1 end
  if token and number('requested') > token then return 0 end
  redis.call('DEL', LEASE)
  return 1
end

function actions.release(owner, lease, token)
  prepare(tonumber(lease))
  return give_back(owner, tonumber(token))
end

-- The new list was decided on the tombstones of its acquire. Blank out the tasks that were
-- withdrawn since, and compute what really changes. A publication that was refused for each of
-- them would never end while tasks go on stopping.
local function without_withdrawn(list, tasks, items)
  local withdrawn, late = {}, {}
  for _, task in ipairs(tombstones()) do withdrawn[task] = true end
  for task, host in each_task(tasks) do
    local from, to
    if withdrawn[task] then from, to = item(list, host, span(items, task)) end
    if from then
      list = string.sub(list, 1, from - 1) .. string.rep(' ', to - from + 1) .. string.sub(list, to + 1)
      late[#late + 1] = task
    end
  end
  local before, after = {}, hosts(tasks, withdrawn)
  if kind(LIST) == 'string' then
    before = hosts(redis.call('HGET', STATE, 'tasks') or '', withdrawn)
  end
  return list, missing(after, before), missing(before, after), late
end

-- Write the list, if this listing is the newest, it was decided on the one published last, and no
-- task was reinstated since. With `settled` = 1 the lease is given back, too, if no request came
-- after the token.
-- Returns the new generation, the tasks that are left out as they were withdrawn after the
-- decision, and whether the lease is given back. 0: a newer listing is published. -1 and the
-- published state: decide on that.
function actions.publish(
  token, owner, settled, full, base, generation, list, tasks, items, ttl, added, removed, calls,
  costs, ...)
  ensure(STATE, 'hash')
  ensure(WITHDRAWN, 'zset')
  ensure(LEASE, 'string') -- it is read after the list is written, when nothing may fail
  local listed, late = number('listing'), {}
  local function done(new)
    return {new, late, settled == '1' and give_back(owner, tonumber(token)) or 0}
  end
  if listed == tonumber(token) then return done(number('generation')) end -- a repeated call
  if listed > tonumber(token) then return {0} end
  if number('generation') ~= tonumber(generation) then
    if listed ~= tonumber(base) or number('reinstated') > tonumber(generation) then
      return {-1, published()}
    end
    list, added, removed, late = without_withdrawn(list, tasks, items)
  end
  full = full == '1'
  take(tonumber(calls) - expected_calls(full), tonumber(costs)) -- acquire took what was expected
  local new = tick()
  -- The message goes first, as it may be denied: a script that fails later would leave half of
  -- the publication written.
  if added ~= '[]' or removed ~= '[]' then announce(new, added, removed) end
  if ttl == '0' then
    redis.call('SET', LIST, list)
  else
    redis.call('SET', LIST, list, 'EX', ttl)
  end
  redis.call('HSET', STATE, 'generation', new, 'listing', token, 'tasks', tasks, 'items', items,
    'named', named_after(tonumber(token)), calls_field(full), calls, ...)
  if full then redis.call('HSET', STATE, 'full', token) end
  return done(new)
end

-- Take a task out of the list, and keep it out: for good (its stop is certain), or with
-- `draining` = 1 until it is reinstated. Returns its host, or ''. Blanks take the item's place: a
-- list of 5,000 tasks that was written anew for each of them would go to every replica. For the
-- same reason the maps of tasks stay as they are until the next publication.
function actions.withdraw(task, draining)
  local tombs = draining == '1' and DRAINING or WITHDRAWN
  ensure(STATE, 'hash')
  ensure(tombs, 'zset')
  local at = tick()
  local maps = redis.call('HMGET', STATE, 'tasks', 'items')
  local host = string.match(of_task(maps[1] or '', task), '^"([%x.:]+)"')
  local from, to
  if host and kind(LIST) == 'string' then
    from, to = item(redis.call('GET', LIST), host, span(maps[2] or '', task))
  end
  if from then
    announce(at, '[]', '["' .. host .. '"]')
    redis.call('SETRANGE', LIST, from - 1, string.rep(' ', to - from + 1))
  end
  local new = redis.call('ZADD', tombs, 'NX', at, task)
  redis.call('ZREMRANGEBYSCORE', tombs, '-inf', at - WITHDRAWN_FOR)
  redis.call('PEXPIRE', tombs, WITHDRAWN_FOR)
  if new == 1 or from then redis.call('HSET', STATE, 'generation', at) end
  return from and host or ''
end

-- The tasks that a recycle keeps off the list.
function actions.draining()
  if kind(DRAINING) ~= 'zset' then return {} end
  return redis.call('ZRANGE', DRAINING, 0, -1)
end

-- Let a draining task be listed again, by a listing that this requests. 0: it is not draining.
-- A run that has its state from before decides anew, as the list no longer has the task.
function actions.reinstate(task)
  ensure(STATE, 'hash')
  ensure(DRAINING, 'zset')
  if redis.call('ZREM', DRAINING, task) == 0 then return 0 end
  local at = tick()
  redis.call('HSET', STATE, 'generation', at, 'requested', at, 'reinstated', at)
  return 1
end

return actions[ARGV[1]](unpack(ARGV, 2))
