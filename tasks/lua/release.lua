-- Gives a lease back, if it is still its holder's.
--
-- KEYS[1]  the lease  STRING  its holder's token
-- ARGV[1]  the holder's token
-- returns  1; 0 when it was lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
