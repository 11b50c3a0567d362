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

-- As many calls as the last listing took: the next one will probably take as many.
local function expected_calls()
  local calls = tonumber(redis.call('HGET', STATE, 'calls')) or 0
  return math.min(math.max(math.ceil(calls), 2), MOST_CALLS)
end
