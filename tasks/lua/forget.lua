-- Drops a state that has to be rebuilt, unless somebody has changed it meanwhile.
--
-- KEYS[1]  the model's state    HASH
-- ARGV[1]  the highest run that the state knew of
-- returns  1; 0 where it was left as it is
if (redis.call('HGET', KEYS[1], 'latest') or '0') ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
