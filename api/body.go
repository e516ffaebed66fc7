package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"
)

// Most bytes of a body: of a request, and of a show with all its seats (100,000
// seats of some 80 bytes).
const (
	mostBody = 64 << 10
	mostShow = 16 << 20
)

// read decodes a JSON body strictly: a field that nobody knows is refused, never
// ignored, and so is anything behind the value. Returns a problem.
func read(c *gin.Context, into any, most int64) error {
	raw, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, most))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge.because(fmt.Sprintf("The body is larger than %d bytes.", most))
	} else if err != nil {
		return malformed.because("The body ends early.")
	}
	return decode(raw, into)
}

// unknownField matches what encoding/json says of a field that nobody knows.
var unknownField = regexp.MustCompile(`^json: unknown field "(.*)"$`)

func decode(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, err := decoder.Token(); err != io.EOF {
			return malformed.because("The body has more behind its JSON value.")
		}
		if string(bytes.TrimSpace(raw)) == "null" {
			return malformed.because("The body is null.")
		}
		return nil
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		field := wrongType.Field
		if field == "" {
			return malformed.because("The body is a JSON " + wrongType.Value + ", not an object.")
		}
		return invalidField(field, "cannot be a "+wrongType.Value)
	}
	if match := unknownField.FindStringSubmatch(err.Error()); match != nil {
		return invalidField(match[1], "is not a field of this request")
	}
	if strings.HasPrefix(err.Error(), "parsing time") || strings.HasPrefix(err.Error(), "Time.UnmarshalJSON") {
		return invalid.with("errors", []fieldError{{"time", "must be RFC 3339, such as 2026-11-23T10:00:00Z"}})
	}
	return malformed
}
