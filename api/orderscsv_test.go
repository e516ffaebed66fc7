package api

import "testing"

func TestCellsThatWouldRun(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "A-1-1": "A-1-1", "330000": "330000", "=1+1": "'=1+1", "+1": "'+1", "-cmd|' /C calc'!A0": "'-cmd|' /C calc'!A0",
		"@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "x=1": "x=1", "좌석": "좌석",
	} {
		if got := defused(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
}
