package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

//go:embed web
var web embed.FS

// asset is one file of web that pages load, as it is sent.
type asset struct {
	kind, etag    string
	plain, zipped []byte
}

var assetTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".json": "application/json; charset=utf-8",
}

// assets are all of them by name, and the version of them together: a change in one gives
// all of them new addresses, so that a page never mixes two versions.
var assets = sync.OnceValues(func() (map[string]asset, string) {
	all, sum := map[string]asset{}, sha256.New()
	err := fs.WalkDir(web, "web", func(name string, entry fs.DirEntry, err error) error {
		kind, known := assetTypes[path.Ext(name)]
		if err != nil || !known {
			return err
		}
		plain, err := web.ReadFile(name)
		if err != nil {
			return err
		}
		of := sha256.Sum256(plain)
		sum.Write(of[:])
		all[strings.TrimPrefix(name, "web/")] = asset{kind, `"` + hex.EncodeToString(of[:8]) + `"`, plain, zip(plain, gzip.BestCompression)}
		return nil
	})
	if err != nil {
		panic(err) // it is part of this program
	}
	return all, hex.EncodeToString(sum.Sum(nil)[:6])
})

func zip(plain []byte, level int) []byte {
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, level) // a level that there is
	_, _ = w.Write(plain)                       // into memory: cannot fail
	_ = w.Close()
	return zipped.Bytes()
}

// asset serves /assets/<name>, which browsers ask about each time, and
// /assets/<version>/<name>, which they keep for good. A version of another gateway is
// answered with what there is, and not kept.
func (a *API) asset(c *gin.Context) {
	name := strings.TrimPrefix(c.Param("file"), "/")
	all, version := assets()
	cache := "no-cache"
	found, ok := all[name]
	if !ok {
		var asked string
		asked, name, _ = strings.Cut(name, "/")
		found, ok = all[name]
		if asked == version {
			cache = "public, max-age=31536000, immutable"
		}
	}
	if !ok {
		a.fail(c, notFound)
		return
	}
	c.Header("Cache-Control", cache)
	c.Header("X-Content-Type-Options", "nosniff")
	send(c, found.kind, found.etag, func() []byte { return found.plain }, func() []byte { return found.zipped })
}
