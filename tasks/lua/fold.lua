-- Puts the batches of an absorption together: from now on they are counted under one id, and Redis forgets theirs.
--
-- KEYS[1]  the model's state    HASH
-- KEYS[2]  its pending batches  HASH  batch -> rows
-- KEYS[3]  its taken batches    HASH  batch -> rows, '' where the batch was not counted
-- KEYS[4]  its learnt batches   SET
-- KEYS[5]  its folded batches   HASH  batch -> absorption; the latest, by which one that is counted late is known
-- KEYS[6]  those before         HASH  the same
-- ARGV[1]  the id of the absorption
-- ARGV[2]  and so on: its batches
-- returns  the positions of those not counted, from 1: nothing is done then; none when it is done, or was before, or has to wait
--          until the run at work, which has taken some of them, has ended; nil where there is no state
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local unit = ARGV[1]
if redis.call('SISMEMBER', KEYS[4], unit) == 1 or redis.call('HEXISTS', KEYS[2], unit) == 1 or redis.call('HEXISTS', KEYS[3], unit) == 1 then
  return {}
end
local missing, pending, taken = {}, {}, {}
local pendingRows, takenRows = 0, 0
for i = 2, #ARGV do
  local batch = ARGV[i]
  local p = redis.call('HGET', KEYS[2], batch)
  local t = redis.call('HGET', KEYS[3], batch)
  if p then
    pending[#pending + 1], pendingRows = batch, pendingRows + tonumber(p)
  elseif t and t ~= '' then
    taken[#taken + 1], takenRows = batch, takenRows + tonumber(t)
  elseif t or redis.call('SISMEMBER', KEYS[4], batch) == 0 then
    missing[#missing + 1] = i - 1
  end
end
if #missing > 0 then
  return missing
end
if #pending > 0 and #taken > 0 then
  return {}
end
if #taken > 0 then
  redis.call('HSET', KEYS[3], unit, takenRows)
elseif #pending > 0 then
  redis.call('HSET', KEYS[2], unit, pendingRows)
else
  redis.call('SADD', KEYS[4], unit)
end
if redis.call('HLEN', KEYS[5]) > 16384 then
  redis.call('RENAME', KEYS[5], KEYS[6])
end
for i = 2, #ARGV do
  redis.call('HDEL', KEYS[2], ARGV[i])
  redis.call('HDEL', KEYS[3], ARGV[i])
  redis.call('SREM', KEYS[4], ARGV[i])
  redis.call('HSET', KEYS[5], ARGV[i], unit)
end
return {}
