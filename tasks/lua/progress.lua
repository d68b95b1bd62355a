-- Shows how far a run has come, unless it has ended.
--
-- KEYS[1]  the model's state     HASH
-- KEYS[2]  its progress          STRING
-- ARGV[1]  the run's number
-- ARGV[2]  the progress as JSON
-- ARGV[3]  for how long, in milliseconds
-- returns  1; CONFLICT for a run that has ended
local run = tonumber(ARGV[1])
local settled = tonumber(redis.call('HGET', KEYS[1], 'settled') or '0')
local running = tonumber(redis.call('HGET', KEYS[1], 'running') or '0')
local queued = tonumber(redis.call('HGET', KEYS[1], 'queued') or '0')
local taker = tonumber(redis.call('HGET', KEYS[1], 'taker') or '0')
if run <= settled and run ~= running and run ~= queued and run ~= taker then
  return redis.error_reply('CONFLICT run ' .. run .. ' has ended')
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
