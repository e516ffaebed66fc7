package api

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// theme is how the pages of a show look and what they say beside: all of it may be missing.
// Everything in it is text and stays so.
type theme struct {
	Name    string            `json:"name,omitempty"`    // instead of Frontrow
	Accent  *accent           `json:"accent,omitempty"`  // the one colour of buttons, links and the visitor's own place
	Picture string            `json:"picture,omitempty"` // hash of one that was stored before
	Texts   map[string]string `json:"texts,omitempty"`   // by language: what visitors should know
}

// accent is a colour as #rrggbb, for light and for dark pages.
type accent struct {
	Light string `json:"light"`
	Dark  string `json:"dark"`
}

// themes are those of a show, as they are stored.
type themes struct {
	Live  *theme `json:"live,omitempty"`  // what visitors see
	Draft *theme `json:"draft,omitempty"` // what the operator is at
}

const (
	mostThemeName = 40
	mostThemeText = 500
)

func readThemes(raw json.RawMessage) (t themes) {
	_ = json.Unmarshal(raw, &t) // of our own writing; empty: none
	return t
}

// pictures are those that some theme names.
func (t themes) pictures() (hashes []string) {
	for _, of := range []*theme{t.Live, t.Draft} {
		if of != nil && of.Picture != "" {
			hashes = append(hashes, of.Picture)
		}
	}
	return hashes
}

// check returns the problem with a theme that cannot be used, which names all that is wrong.
func (t theme) check() error {
	var errs []fieldError
	wrong := func(field, reason string, args ...any) {
		errs = append(errs, fieldError{field, fmt.Sprintf(reason, args...)})
	}
	if !utf8.ValidString(t.Name) || utf8.RuneCountInString(t.Name) > mostThemeName {
		wrong("name", "must have at most %d characters", mostThemeName)
	}
	if t.Accent != nil {
		if reason := contrastOf(t.Accent.Light, lightGrounds); reason != "" {
			wrong("accent.light", "%s", reason)
		}
		if reason := contrastOf(t.Accent.Dark, darkGrounds); reason != "" {
			wrong("accent.dark", "%s", reason)
		}
	}
	for lang, text := range t.Texts {
		if _, known := languageNamed(lang); !known || strings.ToLower(lang) != lang {
			wrong("texts", "%q is no language of the pages: en, ko or ja", lang)
		} else if !utf8.ValidString(text) || utf8.RuneCountInString(text) > mostThemeText {
			wrong("texts."+lang, "must have at most %d characters", mostThemeText)
		}
	}
	if errs != nil {
		return invalid.with("errors", errs)
	}
	return nil
}

// brand is what stands on top of pages.
func (t *theme) brand() string {
	if t == nil || t.Name == "" {
		return "Frontrow"
	}
	return t.Name
}

// themesJSON is what the operator is told.
type themesJSON struct {
	Show string `json:"show"`
	themes
	Preview string `json:"preview,omitempty"` // path of a page that shows the draft
}

func (a *API) tellThemes(c *gin.Context, show booking.Show, err error) {
	if err != nil {
		a.fail(c, err)
		return
	}
	answer := themesJSON{Show: show.ID, themes: readThemes(show.Theme)}
	if answer.Draft != nil {
		answer.Preview = waitingPath(show) + "?preview=" + a.previewKey(show)
	}
	private(c)
	c.JSON(http.StatusOK, answer)
}

// previewKey lets whoever has it see a show's draft, as it is now.
func (a *API) previewKey(show booking.Show) string {
	draft, _ := json.Marshal(readThemes(show.Theme).Draft) // was read from JSON
	return a.Keys.Form("preview " + show.ID + " " + string(draft))
}

func (a *API) getTheme(c *gin.Context) {
	show, err := a.adminShow(c)
	a.tellThemes(c, show, err)
}

// setTheme keeps a theme as the draft. Nobody sees it before it is published.
func (a *API) setTheme(c *gin.Context) {
	var body theme
	err := read(c, &body, mostBody)
	if err == nil {
		err = body.check()
	}
	if err == nil && body.Picture != "" {
		if _, lost := a.Store.FindPicture(c.Request.Context(), c.Param("show"), body.Picture); lost != nil {
			err = invalidField("picture", "must be the hash of one that was stored for this show")
		}
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.changeThemes(c, func(t *themes) error { t.Draft = &body; return nil })
}

// publishTheme shows the draft to everybody.
func (a *API) publishTheme(c *gin.Context) {
	a.changeThemes(c, func(t *themes) error {
		if t.Draft == nil {
			return noDraft
		}
		t.Live, t.Draft = t.Draft, nil
		return nil
	})
}

// deleteTheme gives the pages back their own looks, and forgets the draft.
func (a *API) deleteTheme(c *gin.Context) {
	a.changeThemes(c, func(t *themes) error { *t = themes{}; return nil })
}

func (a *API) changeThemes(c *gin.Context, f func(*themes) error) {
	show, err := a.Store.ChangeTheme(c.Request.Context(), c.Param("show"), func(old json.RawMessage) (json.RawMessage, error) {
		t := readThemes(old)
		if err := f(&t); err != nil {
			return nil, err
		}
		if t == (themes{}) {
			return nil, nil
		}
		return json.Marshal(t)
	})
	if err == nil {
		a.changed(c, show)
	}
	a.tellThemes(c, show, err)
}

// draftFor is the draft of a show's theme, for who has its key.
func (a *API) draftFor(c *gin.Context, show booking.Show) (*theme, bool) {
	key := c.Query("preview")
	draft := readThemes(show.Theme).Draft
	return draft, key != "" && draft != nil && key == a.previewKey(show)
}

// previewOf is the waiting room as somebody in a state sees it: joins, admitted, or else
// waiting. It is nobody's place, and nothing can be done there.
func previewOf(show booking.Show, t *theme, state string) waitingPage {
	page := waitingPage{
		showHead: headOf(show), State: string(queue.Waiting), Message: show.Message, Preview: true, On: template.URL(hallPath(show)), //nolint:gosec // escaped there
		Status: queue.Status{
			Position: 1235, ETA: &queue.ETA{Low: 12 * time.Minute, High: 16 * time.Minute}, Chance: queue.ChanceGood, SeatsLeft: 4000,
			Until: time.Now().Add(10*time.Minute + time.Second), Prolong: 5 * time.Minute,
		},
	}
	page.Theme = t
	if state == "joins" || state == string(queue.Admitted) {
		page.State = state
	}
	return page
}

// isPictureOf tells whether a theme of the show names a picture: any other is not asked for
// in the database.
func isPictureOf(show booking.Show, hash string) bool {
	return slices.Contains(readThemes(show.Theme).pictures(), hash)
}
