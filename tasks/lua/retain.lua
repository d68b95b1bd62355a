-- Takes batches that no longer exist out of the count.
--
-- KEYS[1]  the model's state    HASH
-- KEYS[2]  its pending batches  HASH  batch -> rows
-- ARGV     the batches, a few thousand at most
-- returns  how many rows that was
if redis.call('EXISTS', KEYS[1]) == 0 then -- it has to be rebuilt first
  return 0
end
local rows = 0
for _, batch in ipairs(ARGV) do
  local n = redis.call('HGET', KEYS[2], batch)
  if n then
    redis.call('HDEL', KEYS[2], batch)
    rows = rows + tonumber(n)
  end
end
if rows > 0 then -- Lua writes -0, which Redis does not read
  local left = redis.call('HINCRBY', KEYS[1], 'inserted', -rows)
  if left < tonumber(redis.call('HGET', KEYS[1], 'setAside') or '0') then
    redis.call('HSET', KEYS[1], 'setAside', left)
  end
end
return rows
