package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the kinds that there are
	_ "image/png"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// mostPixels is the most of a picture's width and of its height: a small file can be a
// large picture.
const mostPixels = 2400

// picturesKept bounds a gateway's memory of pictures, which everybody who comes asks for at once.
const picturesKept = 64

type pictureJSON struct {
	Show    string `json:"show"`
	Picture string `json:"picture"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
}

// setPicture stores a picture for a theme to name.
func (a *API) setPicture(c *gin.Context) {
	show, err := a.adminShow(c)
	var picture booking.Picture
	var size image.Config
	if err == nil {
		picture, size, err = readPicture(c)
	}
	if err == nil {
		err = a.Store.KeepPicture(c.Request.Context(), show.ID, picture, readThemes(show.Theme).pictures())
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, pictureJSON{Show: show.ID, Picture: picture.Hash, Width: size.Width, Height: size.Height})
}

// readPicture reads a body that is a picture, whatever it says to be. Returns a problem.
func readPicture(c *gin.Context) (p booking.Picture, size image.Config, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, booking.MostPicture))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return p, size, tooLarge.because(fmt.Sprintf("A picture has at most %d bytes.", booking.MostPicture))
	} else if err != nil {
		return p, size, malformed.because("The body ends early.")
	}
	size, kind, err := image.DecodeConfig(bytes.NewReader(body))
	switch {
	case err != nil:
		return p, size, invalidField("picture", "must be a PNG or a JPEG")
	case size.Width > mostPixels || size.Height > mostPixels:
		return p, size, invalidField("picture", fmt.Sprintf("must be at most %d pixels wide and high", mostPixels))
	}
	if _, _, err := image.Decode(bytes.NewReader(body)); err != nil {
		return p, size, invalidField("picture", "must be a whole PNG or JPEG")
	}
	hash := sha256.Sum256(body)
	return booking.Picture{Hash: hex.EncodeToString(hash[:]), Kind: "image/" + kind, Body: body}, size, nil
}

// getPicture serves a picture that a theme of the show names.
func (a *API) getPicture(c *gin.Context) {
	show, ok := a.Catalogue.Lookup(c.Param("show"))
	hash := c.Param("hash")
	if !ok || !isPictureOf(show, hash) {
		a.fail(c, notFound)
		return
	}
	picture, known := a.pictures.Get(hash)
	if !known {
		var err error
		if picture, err = a.Store.FindPicture(c.Request.Context(), show.ID, hash); err != nil {
			a.fail(c, err)
			return
		}
		a.pictures.Add(hash, picture)
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	c.Header("Content-Security-Policy", "default-src 'none'; sandbox")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, picture.Kind, picture.Body)
}
