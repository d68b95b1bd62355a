package tasks

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// The scripts. Each says at its top what its KEYS and ARGV are and what it returns. Before those that deal with time comes
// clock.lua.
var (
	//go:embed lua/clock.lua
	clockLua string
	//go:embed lua/state.lua
	stateLua    string
	stateScript = redis.NewScript(clockLua + stateLua)
	//go:embed lua/progress.lua
	progressLua    string
	progressScript = redis.NewScript(progressLua)
	//go:embed lua/drift.lua
	driftLua    string
	driftScript = redis.NewScript(clockLua + driftLua)
	//go:embed lua/forget.lua
	forgetLua    string
	forgetScript = redis.NewScript(forgetLua)
	//go:embed lua/revoke.lua
	revokeLua    string
	revokeScript = redis.NewScript(revokeLua)
	//go:embed lua/count.lua
	countLua    string
	countScript = redis.NewScript(clockLua + countLua)
	//go:embed lua/take.lua
	takeLua    string
	takeScript = redis.NewScript(clockLua + takeLua)
	//go:embed lua/fold.lua
	foldLua    string
	foldScript = redis.NewScript(foldLua)
	//go:embed lua/settle.lua
	settleLua    string
	settleScript = redis.NewScript(clockLua + settleLua)
	//go:embed lua/requested.lua
	requestedLua    string
	requestedScript = redis.NewScript(clockLua + requestedLua)
	//go:embed lua/handon.lua
	handOnLua    string
	handOnScript = redis.NewScript(clockLua + handOnLua)
	//go:embed lua/uncounted.lua
	uncountedLua    string
	uncountedScript = redis.NewScript(uncountedLua)
	//go:embed lua/retain.lua
	retainLua    string
	retainScript = redis.NewScript(retainLua)
	//go:embed lua/reset.lua
	resetLua    string
	resetScript = redis.NewScript(clockLua + resetLua)
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
