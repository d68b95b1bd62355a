package tasks

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// The scripts. Each says at its top what its KEYS and ARGV are and what it returns.
var (
	//go:embed lua/count.lua
	countLua    string
	countScript = redis.NewScript(countLua)
	//go:embed lua/take.lua
	takeLua    string
	takeScript = redis.NewScript(takeLua)
	//go:embed lua/settle.lua
	settleLua    string
	settleScript = redis.NewScript(settleLua)
	//go:embed lua/requested.lua
	requestedLua    string
	requestedScript = redis.NewScript(requestedLua)
	//go:embed lua/handon.lua
	handOnLua    string
	handOnScript = redis.NewScript(handOnLua)
	//go:embed lua/uncounted.lua
	uncountedLua    string
	uncountedScript = redis.NewScript(uncountedLua)
	//go:embed lua/retain.lua
	retainLua    string
	retainScript = redis.NewScript(retainLua)
	//go:embed lua/reset.lua
	resetLua    string
	resetScript = redis.NewScript(resetLua)
	//go:embed lua/lease.lua
	leaseLua    string
	leaseScript = redis.NewScript(leaseLua)
	//go:embed lua/release.lua
	releaseLua    string
	releaseScript = redis.NewScript(releaseLua)
	//go:embed lua/announce.lua
	announceLua    string
	announceScript = redis.NewScript(announceLua)
)
