-- Notes that a run waits, unless it is known to have come further, or a later one is known.
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
local known = run < number('latest') or run <= number('settled') or run == running or run == number('queued')
if not known then
  redis.call('HSET', KEYS[1], 'queued', run, 'latest', run)
  if running == 0 then
    redis.call('HDEL', KEYS[1], 'attempt')
    redis.call('HSET', KEYS[1], 'handed', now)
  end
end
return state(now)
