-- Raises the attempt of a model's open run: the one at work, or else the queued one.
--
-- KEYS[1]  the model's state  HASH
-- ARGV[1]  the run's number
-- ARGV[2]  its attempt as the caller saw it
-- ARGV[3]  now; '' for the server's clock
-- returns  the state as field, value, ...; nil where there is none; CONFLICT when it changed meanwhile
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local function number(field)
  return tonumber(redis.call('HGET', KEYS[1], field) or '0')
end
local open = number('running')
if open == 0 then
  open = number('queued')
end
if open ~= tonumber(ARGV[1]) or number('attempt') ~= tonumber(ARGV[2]) then
  return redis.error_reply('CONFLICT run ' .. open .. ' is at attempt ' .. number('attempt'))
end
redis.call('HINCRBY', KEYS[1], 'attempt', 1)
local now = clock(ARGV[3])
redis.call('HSET', KEYS[1], 'handed', now)
return state(now)
