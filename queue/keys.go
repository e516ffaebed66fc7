package queue

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// keys are all keys of one show's room, in the order in which every script
// takes them; lua/room.lua says what each holds. The braces put a show into one
// slot of a cluster.
func keys(show string) []string {
	at := "fr:{" + show + "}:"
	return []string{
		at + "room", at + "waiting", at + "present", at + "active", at + "called", at + "away",
		at + "finished", at + "restored", at + "admissions", at + "waits",
		at + "seen:0", at + "seen:1", at + "seen:2", at + "scratch",
		at + "returned", at + "invited", at + "missed", at + "calls", at + "lobby",
		at + "limits", at + "holding", at + "taken", at + "list", at + "untold",
		at + "codes", at + "offers", at + "prolonged", at + "moved", at + "preferred",
	}
}

// codesKey is a sorted set beside them: nonce -> until when the code was good (s since 1970),
// of the codes that were redeemed. No script needs it.
func codesKey(show string) string { return "fr:{" + show + "}:codes" }

// Positions of single keys in keys.
const (
	keyRoom = iota
	keyWaiting
	keyPresent
	keyActive
	keyCalled
	keyAway
	keyFinished
	keyRestored
	keyAdmissions
	keyReturned = iota + 5 // behind waits, three windows and scratch
	keyInvited
	keyMissed
	keyCalls
	keyLobby
	keyLimits
	keyHolding
	keyTaken
	keyList
	keyUntold
	keyCodes
	keyOffers
	keyProlonged
	keyMoved
	keyPreferred
)

var (
	//go:embed lua/master.lua
	masterLua string
	//go:embed lua/room.lua
	roomLua string
	//go:embed lua/open.lua
	openLua string
	//go:embed lua/home.lua
	homeLua string
	//go:embed lua/adopt.lua
	adoptLua string
	//go:embed lua/rules.lua
	rulesLua string
	//go:embed lua/raise.lua
	raiseLua string
	//go:embed lua/join.lua
	joinLua string
	//go:embed lua/limits.lua
	limitsLua string
	//go:embed lua/view.lua
	viewLua string
	//go:embed lua/seen.lua
	seenLua string
	//go:embed lua/admit.lua
	admitLua string
	//go:embed lua/resolve.lua
	resolveLua string
	//go:embed lua/pin.lua
	pinLua string
	//go:embed lua/finish.lua
	finishLua string
	//go:embed lua/trim.lua
	trimLua string
	//go:embed lua/freeze.lua
	freezeLua string
	//go:embed lua/enlist.lua
	enlistLua string
	//go:embed lua/number.lua
	numberLua string
	//go:embed lua/offer.lua
	offerLua string
	//go:embed lua/accept.lua
	acceptLua string
	//go:embed lua/prolong.lua
	prolongLua string
	//go:embed lua/prefer.lua
	preferLua string
	//go:embed lua/find.lua
	findLua string
)

// Each script of a room but open starts with what room.lua does, and with home.lua where it does more than look.
var (
	looking = masterLua + roomLua
	opening = looking + homeLua
	// It writes, so that it fails where nothing can be written; see Room.master.
	masterScript  = redis.NewScript(masterLua + "redis.call('UNLINK', KEYS[14]) return master()")
	openScript    = redis.NewScript(masterLua + openLua)
	adoptScript   = redis.NewScript(looking + adoptLua)
	rulesScript   = redis.NewScript(opening + rulesLua)
	raiseScript   = redis.NewScript(opening + raiseLua)
	joinScript    = redis.NewScript(opening + limitsLua + joinLua)
	viewScript    = redis.NewScript(looking + viewLua)
	seenScript    = redis.NewScript(opening + seenLua)
	admitScript   = redis.NewScript(opening + admitLua)
	resolveScript = redis.NewScript(opening + resolveLua)
	pinScript     = redis.NewScript(opening + pinLua)
	finishScript  = redis.NewScript(opening + finishLua)
	trimScript    = redis.NewScript(opening + trimLua)
	freezeScript  = redis.NewScript(opening + freezeLua)
	enlistScript  = redis.NewScript(opening + enlistLua)
	numberScript  = redis.NewScript(opening + numberLua)
	offerScript   = redis.NewScript(opening + offerLua)
	acceptScript  = redis.NewScript(opening + limitsLua + acceptLua)
	prolongScript = redis.NewScript(opening + prolongLua)
	preferScript  = redis.NewScript(opening + preferLua)
	findScript    = redis.NewScript(looking + findLua)
)
