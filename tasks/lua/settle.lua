-- Ends a run, once: what it took is learnt, or pending again.
--
-- KEYS[1]  the model's state    HASH
-- KEYS[2]  its pending batches  HASH  batch -> rows
-- KEYS[3]  its taken batches    HASH  batch -> rows
-- KEYS[4]  its learnt batches   SET
-- KEYS[5]  its progress         STRING
-- ARGV[1]  the run's number
-- ARGV[2]  1 when its rows are learnt, 0 when they are given back, 'aside' when they are given back and set aside
-- ARGV[3]  rows that must come before another run makes sense
-- ARGV[4]  1 when it counts as a failure
-- ARGV[5]  why it failed, or ''
-- ARGV[6]  now; '' for the server's clock
-- ARGV[7]  and so on: the back-off after the first failure, the second, ... and all further ones, in milliseconds
-- returns  the state as field, value, ...; nil where there is none, or none any more, since it did not know
--          of the run, or of what that had taken: it has to be rebuilt
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local function number(field)
  return tonumber(redis.call('HGET', KEYS[1], field) or '0')
end
local run, taker, running, queued = tonumber(ARGV[1]), number('taker'), number('running'), number('queued')
local now = clock(ARGV[6])
if run <= number('settled') and run ~= taker and run ~= running and run ~= queued then
  return state(now)
end
if run > number('latest') or (ARGV[2] == '1' and taker ~= run) then -- the state is of an older time, from a copy of Redis
  redis.call('DEL', KEYS[1])
  return false
end
local learnt, aside, failed = ARGV[2] == '1', ARGV[2] == 'aside', ARGV[4] == '1'

if taker == run then
  local taken = redis.call('HGETALL', KEYS[3])
  local rows, batches = 0, {}
  for i = 1, #taken, 2 do
    local batch, n = taken[i], taken[i + 1]
    if learnt then
      batches[#batches + 1] = batch
      if #batches == 4000 or i + 2 > #taken then -- Lua cannot pass more than 8000 values at once
        redis.call('SADD', KEYS[4], unpack(batches))
        batches = {}
      end
    elseif n ~= '' and redis.call('HSETNX', KEYS[2], batch, n) == 1 then -- one that was never counted still has to be
      rows = rows + tonumber(n)
    end
  end
  redis.call('DEL', KEYS[3])
  redis.call('HINCRBY', KEYS[1], 'inserted', rows)
  redis.call('HDEL', KEYS[1], 'taker')
end

if running == run or (running == 0 and queued == run) then -- the attempts were those of this run
  redis.call('HDEL', KEYS[1], 'attempt')
  redis.call('HSET', KEYS[1], 'handed', now)
end
if running == run then
  local before = redis.call('HGET', KEYS[1], 'before')
  if not learnt and before == '' then
    redis.call('HDEL', KEYS[1], 'since')
  elseif not learnt and before then
    redis.call('HSET', KEYS[1], 'since', before)
  end
  redis.call('HDEL', KEYS[1], 'running', 'before')
  redis.call('DEL', KEYS[5])
end
if queued == run then
  redis.call('HDEL', KEYS[1], 'queued')
end

redis.call('HSET', KEYS[1], 'settled', math.max(run, number('settled')), 'latest', math.max(run, number('latest')))
if learnt then
  redis.call('HDEL', KEYS[1], 'failures', 'notBefore')
elseif failed then
  local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
  redis.call('HSET', KEYS[1], 'notBefore', string.format('%.0f', now + ARGV[math.min(6 + failures, #ARGV)]))
end
if ARGV[5] == '' then
  redis.call('HDEL', KEYS[1], 'lastError')
else
  redis.call('HSET', KEYS[1], 'lastError', ARGV[5])
end
if aside then -- what nobody has learnt waits for the next run, and does not call for it
  redis.call('HSET', KEYS[1], 'setAside', number('inserted'), 'since', now)
  if redis.call('HEXISTS', KEYS[1], 'before') == 1 then -- another run is at work, and may give back what it took
    redis.call('HSET', KEYS[1], 'before', now)
  end
end
if tonumber(ARGV[3]) > 0 then
  redis.call('HSET', KEYS[1], 'needs', number('inserted') + ARGV[3])
else
  redis.call('HDEL', KEYS[1], 'needs')
end
return state(now)
