package api

import (
	"regexp"
	"strconv"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// etagOf names a version of a show, as the operator sees it.
func etagOf(show booking.Show) string {
	return `"` + strconv.FormatInt(show.RulesVersion, 10) + `"`
}

var showETags = regexp.MustCompile(`^"([0-9]{1,18})"$`)

// unlessChanged has a change refused where the show is no longer the one that If-Match
// names; without that header whoever comes last has their way.
func (a *API) unlessChanged(c *gin.Context) {
	header, given := c.Request.Header["If-Match"]
	if !given {
		return
	}
	match := showETags.FindStringSubmatch(header[0])
	if len(header) > 1 || match == nil {
		a.fail(c, invalidField("If-Match", "must be one ETag of the show"))
		return
	}
	version, _ := strconv.ParseInt(match[1], 10, 64) // digits, and few enough
	c.Request = c.Request.WithContext(booking.IfVersion(c.Request.Context(), version))
}
