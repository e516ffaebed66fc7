package main

import "testing"

// brief has sessions of less than the two minutes before whose end more time is offered, and holds that are shorter.
func brief(spec map[string]any) {
	twoBlocks(spec)
	rules(map[string]any{"session_seconds": 118})(spec)
	spec["hold_seconds"] = 115
}

// moreTime is offered where the time inside is nearly over, on the seat map and at the till, by one button and once.
func moreTime(t *testing.T, b chromium, g *testGateway) {
	b.inside(t, g, g.show(twoBlocks)).sees("#clock", "9:").lacks("#more") // there is time
	show := g.show(brief)
	p := b.inside(t, g, show).sees("#clock", "1:").sees("#more", "Your time ends soon. 5:00 longer, once.")
	p.accessible("more time on the seat map")
	p.width(1280).clicks("#more-button").lacks("#more").sees("#clock", "6:").becomes("document.activeElement.id === 'heading'", "the focus is lost")
	p.opens("/shows/"+show+"/seats").sees("#clock", ":").lacks("#more")

	q := b.inside(t, g, show).width(1280).taps(show, 0, 0).sees("#chips", "row 1").clicks("#go").sees("#lines", "row 1, seat 1")
	q.sees("#more", "The time of your seats stays as it is").sees("#clock", "1:").accessible("more time at the till")
	q.width(1280).clicks("#more-button").lacks("#more").sees("#clock", "1:")
	q.opens("/shows/"+show+"/seats").clicks("#release").sees("#time-label", "Time to choose").sees("#clock", "6:").lacks("#more")

	// Where nobody is given more, nobody is offered any.
	none := g.show(brief, rules(map[string]any{"prolong_seconds": 0}))
	b.inside(t, g, none).sees("#clock", "1:").lacks("#more")
}

// moreTimeWithoutScript: the time inside is told, and a form asks for more of it.
func moreTimeWithoutScript(t *testing.T, b chromium, g *testGateway) {
	show := g.show(brief)
	p := b.scriptless(t, g, show).sees("#stay", "Time to choose: 1:").sees("#stay", "5:00 longer, once.")
	p.legible("the time inside")
	p.clicks("#stay button").sees("#stay", "Time to choose: 6:").lacks("#stay button")

	q := b.scriptless(t, g, show).clicks("#plain button[value=best]").sees("#left", "1:").sees("#stay", "The time of your seats stays as it is")
	q.legible("more time at the plain till")
	q.clicks("#stay button").sees("#lines", "row").lacks("#stay")
	q.clicks("#release").sees("#stay", "Time to choose: 6:")
}
