-- A predictor says how far the questions to a model have drifted. What is the furthest of all that predictors have said lately counts.
--
--   KEYS[1]  STRING, the furthest drift of all
--   KEYS[2]  STRING, the same by feature, as JSON
--   KEYS[3]  HASH of predictor -> time of the server's clock, space, drift
--   ARGV[1]  who says it
--   ARGV[2]  the drift
--   ARGV[3]  the same by feature
--   ARGV[4]  for how many milliseconds it holds
--   returns  1
local moment, holds = clock(''), tonumber(ARGV[4])
redis.call('HSET', KEYS[3], ARGV[1], moment .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[3], holds)
local furthest, whose = nil, nil
local said = redis.call('HGETALL', KEYS[3])
for i = 1, #said, 2 do
  local at, psi = string.match(said[i + 1], '^(%S+) (%S+)$')
  if tonumber(moment) - tonumber(at) >= holds then
    redis.call('HDEL', KEYS[3], said[i])
  elseif not furthest or tonumber(psi) > tonumber(furthest) then
    furthest, whose = psi, said[i]
  end
end
redis.call('SET', KEYS[1], furthest, 'PX', holds)
if tonumber(furthest) <= tonumber(ARGV[2]) then whose = ARGV[1] end
if whose == ARGV[1] then
  redis.call('SET', KEYS[2], ARGV[3], 'PX', holds)
else
  redis.call('PEXPIRE', KEYS[2], holds)
end
return 1
