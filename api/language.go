package api

import (
	"encoding/json"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// langCookie keeps the language that somebody chose.
const langCookie = "fr_lang"

// languages are those of web/messages. Who wants none of them gets the first.
var languages = []language.Tag{language.English, language.Korean, language.Japanese}

var (
	languageMatcher = language.NewMatcher(languages)
	texts           = sync.OnceValue(func() *i18n.Bundle {
		bundle := i18n.NewBundle(languages[0])
		bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
		for _, tag := range languages {
			for _, prefix := range []string{"", "desk."} { // visitors need not load what the desk says
				if _, err := bundle.LoadMessageFileFS(web, "web/messages/"+prefix+tag.String()+".json"); err != nil {
					panic(err) // it is part of this program
				}
			}
		}
		return bundle
	})
)

// tongue writes texts and numbers in one language; its methods serve the templates.
type tongue struct {
	Lang    string
	texts   *i18n.Localizer
	numbers *message.Printer
}

func newTongue(tag language.Tag) tongue {
	return tongue{tag.String(), i18n.NewLocalizer(texts(), tag.String()), message.NewPrinter(tag)}
}

// Text is that of a key of web/messages with values filled in, given as name, value, name,
// value …: numbers as the language writes them. Where it has plural forms, n chooses.
// A key that is missing is its own text.
func (t tongue) Text(key string, pairs ...any) string {
	values, count := map[string]any{}, any(nil)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		values[name] = pairs[i+1]
		if n, ok := pairs[i+1].(int64); ok {
			values[name] = t.Number(n)
			if name == "n" {
				count = n
			}
		}
	}
	text, err := t.texts.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: values, PluralCount: count})
	if err != nil && text == "" {
		return key
	}
	return text
}

// Number writes a number with its thousands apart.
func (t tongue) Number(n int64) string { return t.numbers.Sprintf("%d", n) }

// Money writes an amount in the currency's minor unit with its sign.
func (t tongue) Money(amount int64, code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return t.Number(amount) + " " + code
	}
	scale, _ := currency.Standard.Rounding(unit)
	text := t.numbers.Sprint(currency.NarrowSymbol(unit.Amount(float64(amount) / math.Pow10(scale))))
	return strings.NewReplacer("\u00a0", "", " ", "").Replace(text) // as browsers write it
}

// languageChoice is one of those that a page offers.
type languageChoice struct {
	Lang, Name string
	Current    bool
}

// Languages are all that a page may be read in.
func (t tongue) Languages() []languageChoice {
	choices := make([]languageChoice, len(languages))
	for i, tag := range languages {
		choices[i] = languageChoice{tag.String(), newTongue(tag).Text("lang"), tag.String() == t.Lang}
	}
	return choices
}

// tongue is the language for a request: as ?lang says, which is kept in a cookie, as that
// cookie says, or as the browser prefers.
func (a *API) tongue(c *gin.Context) tongue {
	asked, chosen := c.GetQuery("lang")
	if chosen {
		if tag, ok := languageNamed(asked); ok {
			a.setCookie(c, langCookie, tag.String(), 365*24*time.Hour)
			return newTongue(tag)
		}
	}
	if tag, ok := languageNamed(cookieOf(c, langCookie)); ok {
		return newTongue(tag)
	}
	prefers, _, _ := language.ParseAcceptLanguage(c.GetHeader("Accept-Language")) // nothing that can be read: no preference
	_, i, _ := languageMatcher.Match(prefers...)
	return newTongue(languages[i])
}

func languageNamed(name string) (language.Tag, bool) {
	for _, tag := range languages {
		if strings.EqualFold(name, tag.String()) {
			return tag, true
		}
	}
	return language.Tag{}, false
}

// Problem says in plain words what a problem's code means.
func (t tongue) Problem(code string, seconds int64) string {
	key := "problem." + code
	if text := t.Text(key, "n", seconds, "seats", ""); text != key {
		return text
	}
	return t.Text("problem.other")
}
