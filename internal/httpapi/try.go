package httpapi

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed try
var try embed.FS

// tryPage returns the page on which the operations are described and tried. It loads nothing from elsewhere.
func tryPage() http.Handler {
	files, _ := fs.Sub(try, "try") // it is embedded
	return static(files)
}
