-- The rate limit of listings: a token bucket whose only state is its key's time to live.

-- ECS limits calls by a token bucket, and so does this rate limit (GCRA). The time to live of its
-- key is what was taken out of the bucket: `costs` ms for each call, as a call is refilled in that
-- time. No key: the bucket is full.
local function taken()
  return math.max(0, redis.call('PTTL', RATELIMIT))
end

local function take(calls, costs)
  local left = taken() + math.ceil(calls) * costs
  if left > 0 then
    redis.call('SET', RATELIMIT, calls, 'PX', left)
  else
    redis.call('DEL', RATELIMIT)
  end
end

-- Milliseconds until the bucket has so many calls. A listing of more calls than the bucket holds
-- begins when it is full, and is paid for afterwards.
local function wait_for(calls, costs, burst)
  return math.max(0, taken() - math.max(0, burst - calls) * costs)
end

-- Where the calls of the last listing of this kind are kept.
local function calls_field(full) return full and 'full_calls' or 'calls' end

-- As many calls as the last listing of this kind took: the next one will probably take as many.
local function expected_calls(full)
  local calls = tonumber(redis.call('HGET', STATE, calls_field(full)))
    or tonumber(redis.call('HGET', STATE, calls_field(not full))) or 0
  return math.min(math.max(math.ceil(calls), 2), MOST_CALLS)
end
