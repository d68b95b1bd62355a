-- Reads a model's state.
--
-- KEYS[1]  the model's state  HASH
-- ARGV[1]  now; '' for the server's clock
-- returns  the state as field, value, ...; nil where there is none
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
return state(clock(ARGV[1]))
