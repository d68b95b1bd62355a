-- Notes that a run waits, if it is the next after those that are known and no other one waits. Otherwise either is of an older
-- time: the run is known to have come further, or the state comes from a copy of Redis.
--
-- KEYS[1]  the model's state  HASH
-- ARGV[1]  the run's number
-- ARGV[2]  now; '' for the server's clock
-- returns  the state as field, value, ...; nil where there is none
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local function number(field)
  return tonumber(redis.call('HGET', KEYS[1], field) or '0')
end
local run, running = tonumber(ARGV[1]), number('running')
local now = clock(ARGV[2])
if run == number('latest') + 1 and number('queued') == 0 then
  redis.call('HSET', KEYS[1], 'queued', run, 'latest', run)
  if running == 0 then
    redis.call('HDEL', KEYS[1], 'attempt')
    redis.call('HSET', KEYS[1], 'handed', now)
  end
end
return state(now)
