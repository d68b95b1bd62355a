-- Takes a lease away from whoever has it.
--
-- KEYS[1]  the lease  STRING  its holder's token
-- ARGV[1]  what stands in its place, until it expires
-- ARGV[2]  for how long, in milliseconds
-- returns  1; 0 where nobody has it
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
