-- Takes a lease, or renews it. One that vanished before its time, because Redis lost it, is taken again.
--
-- KEYS[1]  the lease  STRING  its holder's token
-- ARGV[1]  the holder's token
-- ARGV[2]  for how long, in milliseconds
-- returns  1; 0 when somebody else holds it
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
