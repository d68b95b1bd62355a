// Package dashboard is what people look at in a browser: the page of a producer, and reports of versions. Both are drawn by the
// same modules, plain JavaScript that is embedded here; nothing is loaded from another machine.
package dashboard

import (
	"embed"
	"io/fs"
)

//go:embed page
var page embed.FS

// Files returns the page's files, with index.html at their top.
func Files() fs.FS {
	files, _ := fs.Sub(page, "page") // it is embedded
	return files
}
