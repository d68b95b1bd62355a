-- Gives batches to a run and, with the last of them, marks the run as at work. Many batches come in several calls; the run
-- is marked last, so that its model is not due in between.
--
-- KEYS[1]  the model's state    HASH
-- KEYS[2]  its pending batches  HASH  batch -> rows
-- KEYS[3]  its taken batches    HASH  batch -> rows, '' where the batch was not counted before
-- KEYS[4]  its learnt batches   SET
-- KEYS[5]  its folded batches   HASH  batch -> absorption
-- KEYS[6]  those before         HASH  the same
-- ARGV[1]  the run's number
-- ARGV[2]  1 with the last batches, 0 when more follow
-- ARGV[3]  now; '' for the server's clock
-- ARGV[4]  and so on: the batches, a few thousand at most
-- returns  1; 0 for a run that was settled before; nil where there is no state, or
--          none any more, since it knew less than the run before; CONFLICT while another run is at work, or when an
--          absorption was not folded yet
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local function number(field)
  return tonumber(redis.call('HGET', KEYS[1], field) or '0')
end
local run, taker, running, queued = tonumber(ARGV[1]), number('taker'), number('running'), number('queued')
if run > number('latest') + 1 then -- the state is of an older time, from a copy of Redis: it has to be rebuilt
  redis.call('DEL', KEYS[1])
  return false
end
if run <= number('settled') and run ~= taker and run ~= running and run ~= queued then
  return 0
end
if taker ~= 0 and taker ~= run then
  return redis.error_reply('CONFLICT run ' .. taker .. ' is at work')
end
for i = 4, #ARGV do
  if string.byte(ARGV[i], 1) == 0 and redis.call('SISMEMBER', KEYS[4], ARGV[i]) == 0 and redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0
    and redis.call('HEXISTS', KEYS[3], ARGV[i]) == 0 then
    return redis.error_reply('CONFLICT an absorption is not counted yet')
  end
end
redis.call('HSET', KEYS[1], 'taker', run)

if #ARGV > 3 then
  local batches = {unpack(ARGV, 4)}
  local learnt = redis.call('SMISMEMBER', KEYS[4], unpack(batches))
  local pending = redis.call('HMGET', KEYS[2], unpack(batches))
  local rows = 0
  for i, batch in ipairs(batches) do
    local folded = redis.call('HEXISTS', KEYS[5], batch) == 1 or redis.call('HEXISTS', KEYS[6], batch) == 1 -- then its rows stay where they are
    if not folded and learnt[i] == 0 and redis.call('HSETNX', KEYS[3], batch, pending[i] or '') == 1 and pending[i] then
      redis.call('HDEL', KEYS[2], batch)
      rows = rows + tonumber(pending[i])
    end
  end
  if rows > 0 then -- Lua writes -0, which Redis does not read
    redis.call('HINCRBY', KEYS[1], 'inserted', -rows)
  end
end

if ARGV[2] == '1' and running ~= run then
  local now = clock(ARGV[3])
  redis.call('HSET', KEYS[1], 'running', run, 'before', redis.call('HGET', KEYS[1], 'since') or '',
    'since', now, 'handed', now, 'latest', math.max(run, number('latest')))
  redis.call('HDEL', KEYS[1], 'setAside')
  if queued == run then
    redis.call('HDEL', KEYS[1], 'queued')
  else
    redis.call('HDEL', KEYS[1], 'attempt')
  end
end
return 1
