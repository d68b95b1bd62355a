-- How KEDA 2.21.0 (github.com/kedacore/keda, Apache License 2.0) reads a queue's length: pkg/scalers/redis_scaler.go.
local listName = KEYS[1]
local listType = redis.call('type', listName).ok
if listType == 'zset' then
	return redis.call('zcard', listName)
elseif listType == 'set' then
	return redis.call('scard', listName)
elseif listType == 'hash' then
	return redis.call('hlen', listName)
elseif listType == 'list' or listType == 'none' then
	return redis.call('llen', listName)
else
	return redis.error_reply('ERR unsupported key type: ' .. listType)
end
