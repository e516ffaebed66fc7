package api

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/singleflight"
)

// zips are answers that many ask for, compressed once for each of their ETags. Of each
// kind of a show the last is kept.
type zips struct {
	last   sync.Map // kind and show → zippedAs
	making singleflight.Group
}

type zippedAs struct {
	etag string
	body []byte
}

// of compresses what `plain` gives, or takes what was made of the same ETag.
func (z *zips) of(what, etag string, level int, plain func() []byte) []byte {
	if last, ok := z.last.Load(what); ok && last.(zippedAs).etag == etag {
		return last.(zippedAs).body
	}
	body, _, _ := z.making.Do(what+etag, func() (any, error) {
		made := zippedAs{etag, zip(plain(), level)}
		z.last.Store(what, made)
		return made.body, nil
	})
	return body.([]byte)
}

// sendZipped answers with JSON that is the same for everybody, or with 304.
func (a *API) sendZipped(c *gin.Context, what, etag string, level int, plain func() []byte) {
	send(c, jsonKind, etag, plain, func() []byte { return a.zips.of(what, etag, level, plain) })
}

const jsonKind = "application/json; charset=utf-8"

// send answers with what has an ETag, compressed for whoever can read that, or with 304.
func send(c *gin.Context, kind, etag string, plain, zipped func() []byte) {
	c.Header("ETag", etag)
	c.Header("Vary", "Accept-Encoding")
	if c.GetHeader("If-None-Match") == etag {
		c.Status(http.StatusNotModified)
		return
	}
	body := plain
	if takesGzip(c) {
		c.Header("Content-Encoding", "gzip")
		body = zipped
	}
	c.Data(http.StatusOK, kind, body())
}

func takesGzip(c *gin.Context) bool {
	return strings.Contains(c.GetHeader("Accept-Encoding"), "gzip")
}

// squeezed is a text that is the same for everybody, and as a part of a compressed page.
type squeezed struct {
	plain    string
	deflated []byte // RFC 1951, to go on after
}

func squeeze(plain string) squeezed {
	var deflated bytes.Buffer
	w, _ := flate.NewWriter(&deflated, flate.BestCompression) // a level that there is
	_, _ = w.Write([]byte(plain))                             // into memory: cannot fail
	_ = w.Flush()
	return squeezed{plain, deflated.Bytes()}
}

// zipPage is a page by gzip in which no more is compressed than these parts, which it has in this
// order. The rest has the proof of forms in it beside what the address says, and its length would tell
// who listens how much these are alike.
func zipPage(page []byte, parts ...squeezed) []byte {
	var zipped bytes.Buffer
	zipped.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}) // RFC 1952: deflated; no time, no system
	w, _ := flate.NewWriter(&zipped, flate.NoCompression)
	rest := page
	for _, part := range parts {
		before, after, found := bytes.Cut(rest, []byte(part.plain))
		if !found {
			continue
		}
		_, _ = w.Write(before)
		_ = w.Flush()
		zipped.Write(part.deflated)
		rest = after
	}
	_, _ = w.Write(rest)
	_ = w.Close()
	end := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(page))
	zipped.Write(binary.LittleEndian.AppendUint32(end, uint32(len(page)))) //nolint:gosec // pages are small
	return zipped.Bytes()
}

// Levels of compression: what is sent for a second must cost little, what is sent for
// days may cost more. At 50,000 seats the states took 1 ms and the layout 350.
const (
	zipQuickly = gzip.BestSpeed
	zipWell    = gzip.DefaultCompression
)
