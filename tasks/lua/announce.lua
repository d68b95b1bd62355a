-- Appends an event to the stream. Events are numbered one after the other, so that a reader notices when it missed some.
--
-- KEYS[1]  the stream  STREAM  number, event
-- ARGV[1]  about how many events to keep
-- ARGV[2]  the event as JSON
-- returns  the event's number
local number = 1
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last[1] then
  number = tonumber(last[1][2][2]) + 1
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'number', number, 'event', ARGV[2])
return number
