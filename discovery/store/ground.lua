-- The ground of the registry's script: its keys and its clock. registry.py joins this file,
-- ratelimit.lua, items.lua and registry.lua, in this order.
--
-- One logical clock orders requests, listings, withdrawals and publications. Its numbers are the
-- server's milliseconds, raised by at least one each time. As they follow the time of day, they go
-- on rising after a failover that lost the last writes, a flush or an empty restart: a token from
-- before is old there, and stays old.
--
-- A person or another version may have written the keys: a value of an unexpected kind counts as
-- absent, and the next write replaces it.

local LIST, STATE, LEASE, RATELIMIT = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
-- Tasks that may not be listed: for good, and until they are reinstated.
local WITHDRAWN, DRAINING = KEYS[5], KEYS[6]
local SKEW = 60000            -- ms; the clocks of two nodes differ by less
local WITHDRAWN_FOR = 3600000 -- ms; a run lasts 15 minutes at most, a stop not much longer
local MOST_CALLS = 600        -- to ECS; no listing takes as many
local MOST_NAMED = 10000      -- bytes; a listing that would name more tasks looks at all of them
local FULL_EVERY = 60000      -- ms; the schedule's minute

local function kind(key) return redis.call('TYPE', key).ok end

local function ensure(key, wanted)
  local is = kind(key)
  if is ~= wanted and is ~= 'none' then redis.call('DEL', key) end
end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- A number of the clock. One from further ahead was not written here, and would lock us out.
local function number(field)
  if kind(STATE) ~= 'hash' then return 0 end
  local n = tonumber(redis.call('HGET', STATE, field))
  if not n or n ~= math.floor(n) or n < 0 or n > now() + SKEW then return 0 end
  return n
end

-- The next number, higher than any that was given, even if the clock itself was lost.
local function tick()
  local last = math.max(number('clock'), number('requested'), number('listing'), number('generation'))
  local n = math.max(last + 1, now())
  redis.call('HSET', STATE, 'clock', n)
  return n
end

-- A key that holds others up expires within `longest` ms, whoever wrote it.
local function bounded(key, longest)
  ensure(key, 'string')
  local left = redis.call('PTTL', key)
  if left == -1 or left > longest then redis.call('DEL', key) end
end

local function prepare(lease)
  ensure(STATE, 'hash')
  for _, key in ipairs({WITHDRAWN, DRAINING}) do
    ensure(key, 'zset')
    if redis.call('PTTL', key) == -1 then redis.call('PEXPIRE', key, WITHDRAWN_FOR) end
  end
  bounded(LEASE, lease)
end

-- A run that reserved the lease only waits, before a listing that no task of the service needs.
-- It makes room for a request that does not wait.
local RESERVED = 'reserved:'
local function may_take(owner)
  local holder = redis.call('GET', LEASE)
  return not holder or holder == owner or string.sub(holder, 1, #RESERVED) == RESERVED
end
