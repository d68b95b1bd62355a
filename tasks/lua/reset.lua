-- Puts a rebuilt state in the place of a lost one, at once. Its batches were staged before under keys of their own.
--
-- KEYS[1]  the model's state    HASH
-- KEYS[2]  its pending batches  HASH  batch -> rows
-- KEYS[3]  its taken batches    HASH  batch -> rows
-- KEYS[4]  its learnt batches   SET
-- KEYS[5]  its folded batches   HASH
-- KEYS[6]  those before         HASH
-- KEYS[7]  staged taken         HASH  batch -> rows
-- KEYS[8]  staged learnt        SET
-- KEYS[9]  staged folded        HASH
-- ARGV[1]  now; '' for the server's clock
-- ARGV[2]  and so on: the state as field, value, ...
-- returns  1; 0 where a state exists: it is left as it is
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('DEL', KEYS[7], KEYS[8], KEYS[9])
  return 0
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
for i = 7, 9 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('RENAME', KEYS[i], KEYS[i - 4])
    redis.call('PERSIST', KEYS[i - 4])
  end
end
local now = clock(ARGV[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('HSET', KEYS[1], 'rebuilt', now, 'handed', now)
return 1
