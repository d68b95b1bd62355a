-- Counts batches for a model, each once.
--
-- KEYS[1]  the model's state    HASH
-- KEYS[2]  its pending batches  HASH  batch -> rows
-- KEYS[3]  its taken batches    HASH  batch -> rows
-- KEYS[4]  its learnt batches   SET
-- KEYS[5]  its folded batches   HASH  batch -> absorption
-- KEYS[6]  those before         HASH  the same
-- ARGV[1]  now; '' for the server's clock
-- ARGV     then batch, rows, ...
-- returns  the state as field, value, ...; nil where there is none: nothing was counted then
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
for i = 2, #ARGV, 2 do
  local batch, rows = ARGV[i], ARGV[i + 1]
  local known = redis.call('SISMEMBER', KEYS[4], batch) == 1 or redis.call('HEXISTS', KEYS[5], batch) == 1 or redis.call('HEXISTS', KEYS[6], batch) == 1
  if not known then
    local taken = redis.call('HGET', KEYS[3], batch)
    if taken == '' then -- the run at work found the batch before it was counted; now its rows can be given back
      redis.call('HSET', KEYS[3], batch, rows)
    elseif not taken and redis.call('HSETNX', KEYS[2], batch, rows) == 1 then
      redis.call('HINCRBY', KEYS[1], 'inserted', rows)
    end
  end
end
return state(clock(ARGV[1]))
