package queue

// Scripts tells the SHA of every script by name, as Redis's slow log and its
// statistics show them.
func Scripts() map[string]string {
	return map[string]string{
		"master":  masterScript.Hash(),
		"open":    openScript.Hash(),
		"adopt":   adoptScript.Hash(),
		"rules":   rulesScript.Hash(),
		"raise":   raiseScript.Hash(),
		"join":    joinScript.Hash(),
		"view":    viewScript.Hash(),
		"seen":    seenScript.Hash(),
		"admit":   admitScript.Hash(),
		"resolve": resolveScript.Hash(),
		"pin":     pinScript.Hash(),
		"finish":  finishScript.Hash(),
		"trim":    trimScript.Hash(),
		"freeze":  freezeScript.Hash(),
		"enlist":  enlistScript.Hash(),
		"number":  numberScript.Hash(),
		"offer":   offerScript.Hash(),
		"accept":  acceptScript.Hash(),
		"prolong": prolongScript.Hash(),
		"prefer":  preferScript.Hash(),
		"find":    findScript.Hash(),
	}
}
