-- Tells which batches were never counted for a model.
--
-- KEYS[1]  the model's state    HASH
-- KEYS[2]  its pending batches  HASH  batch -> rows
-- KEYS[3]  its taken batches    HASH  batch -> rows, '' where the batch was not counted
-- KEYS[4]  its learnt batches   SET
-- ARGV     the batches, a few thousand at most
-- returns  the positions in ARGV of those not counted, from 1; nil where there is no state
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local learnt = redis.call('SMISMEMBER', KEYS[4], unpack(ARGV))
local taken = redis.call('HMGET', KEYS[3], unpack(ARGV))
local pending = redis.call('HMGET', KEYS[2], unpack(ARGV))
local missing = {}
for i = 1, #ARGV do
  if learnt[i] == 0 and not pending[i] and (not taken[i] or taken[i] == '') then
    missing[#missing + 1] = i
  end
end
return missing
