// Package docs carries the documents that the program itself needs: the
// contract of its HTTP interface, which it serves and is tested against.
package docs

import _ "embed"

// OpenAPI is the contract in OpenAPI 3.1, as YAML: what GET /openapi.yaml
// answers, and what the tests of the interface check every route, request and
// response against. It is written by hand and comes before the code; callers
// must not change it.
//
//go:embed openapi.yaml
var OpenAPI []byte
