-- The record of the service's recycle: compare-and-set under a lease of its own.

local RECORD, LEASE = KEYS[1], KEYS[2]
local KEPT = 604800 -- s; the record of a recycle that has ended

local function ensure(key, wanted)
  local is = redis.call('TYPE', key).ok
  if is ~= wanted and is ~= 'none' then redis.call('DEL', key) end
end

local function record()
  ensure(RECORD, 'hash')
  local held = redis.call('HMGET', RECORD, 'version', 'record', 'command')
  return {tonumber(held[1]) or 0, held[2] or '', held[3] or ''}
end

local actions = {}

function actions.read()
  return record()
end

-- Take the lease, or extend one's own. 0: another invocation holds it.
function actions.acquire(owner, lease)
  ensure(LEASE, 'string')
  local holder = redis.call('GET', LEASE)
  if holder and holder ~= owner and redis.call('PTTL', LEASE) > -1 then return {0} end
  redis.call('SET', LEASE, owner, 'PX', lease)
  return {1, record()}
end

function actions.release(owner)
  ensure(LEASE, 'string')
  if redis.call('GET', LEASE) == owner then redis.call('DEL', LEASE) end
  return 1
end

-- Write the record if it is still the one of this version and the lease is ours. Returns the new
-- version; 0: another invocation was faster. The command that the record answers is removed.
function actions.write(owner, lease, version, text, ended, command)
  ensure(LEASE, 'string')
  local held = record()
  if redis.call('GET', LEASE) ~= owner or held[1] ~= tonumber(version) then return 0 end
  redis.call('PEXPIRE', LEASE, lease)
  local new = held[1] + 1
  redis.call('HSET', RECORD, 'version', new, 'record', text)
  if command ~= '' and held[3] == command then redis.call('HDEL', RECORD, 'command') end
  if ended == '1' then
    redis.call('EXPIRE', RECORD, KEPT)
  else
    redis.call('PERSIST', RECORD)
  end
  return new
end

-- Leave a command for the invocation that advances the recycle.
function actions.command(word)
  ensure(RECORD, 'hash')
  redis.call('HSET', RECORD, 'command', word)
  return 1
end

return actions[ARGV[1]](unpack(ARGV, 2))
