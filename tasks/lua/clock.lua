-- The server's clock, unless a test has one of its own.
local function clock(given)
  if given ~= '' then
    return given
  end
  local t = redis.call('TIME')
  return string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
end
-- The state with the time at which it was read.
local function state(now)
  local all = redis.call('HGETALL', KEYS[1])
  all[#all + 1] = 'now'
  all[#all + 1] = now
  return all
end
