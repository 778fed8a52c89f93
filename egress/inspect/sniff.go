package inspect

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"unicode/utf8"
)

// Type is an accepted type of file.
type Type string

// The accepted types. Everything else is refused: what cannot be looked into
// cannot be checked.
const (
	CSV      Type = "csv"
	TSV      Type = "tsv"
	JSON     Type = "json"
	Text     Type = "text"
	Markdown Type = "markdown"
	HTML     Type = "html"
	SVG      Type = "svg"
	PNG      Type = "png"
	PDF      Type = "pdf"
	Code     Type = "code" // programs that made the outputs: as supporting files alone
)

// MediaType is the type as HTTP names it.
func (t Type) MediaType() string {
	switch t {
	case CSV:
		return "text/csv; charset=utf-8"
	case TSV:
		return "text/tab-separated-values; charset=utf-8"
	case JSON:
		return "application/json"
	case Markdown:
		return "text/markdown; charset=utf-8"
	case HTML:
		return "text/html; charset=utf-8"
	case SVG:
		return "image/svg+xml"
	case PNG:
		return "image/png"
	case PDF:
		return "application/pdf"
	case Text, Code:
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

var extensions = map[string]Type{
	".csv": CSV, ".tsv": TSV, ".json": JSON, ".txt": Text, ".log": Text, ".md": Markdown,
	".html": HTML, ".htm": HTML, ".svg": SVG, ".png": PNG, ".pdf": PDF,
}

// programs are accepted as supporting files. A notebook holds its results too, and
// is read as the JSON that it is.
var programs = map[string]Type{
	".r": Code, ".rmd": Code, ".qmd": Code, ".py": Code, ".sql": Code, ".do": Code, ".sas": Code, ".jl": Code, ".sh": Code, ".yaml": Code, ".yml": Code, ".ipynb": JSON,
}

func typeOfName(name string, supporting bool) (Type, error) {
	if t, ok := extensions[extension(name)]; ok {
		return t, nil
	}
	if t, ok := programs[extension(name)]; ok {
		if supporting {
			return t, nil
		}
		return "", &Refusal{"Programs do not leave as outputs.", "Hand it in as a supporting file, for the checkers to read."}
	}
	return "", &Refusal{"The file's type is not accepted.",
		"Accepted are .csv, .tsv, .json, .txt, .log, .md, .html, .svg, .png and .pdf."}
}

// signatures are the first bytes of types that people try to take out; the
// names make the refusal plain.
var signatures = []struct {
	offset int
	magic  string
	name   string
}{
	{0, "\x89PNG\r\n\x1a\n", string(PNG)},
	{0, "%PDF-", string(PDF)},
	{0, "PK\x03\x04", "a ZIP archive or office document"},
	{0, "PK\x05\x06", "a ZIP archive"},
	{0, "\x1f\x8b", "gzip-compressed data"},
	{0, "BZh", "bzip2-compressed data"},
	{0, "\xfd7zXZ", "xz-compressed data"},
	{0, "(\xb5/\xfd", "zstd-compressed data"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive"},
	{0, "PAR1", "a Parquet file"},
	{0, "ARROW1", "an Arrow file"},
	{0, "SQLite format 3\x00", "an SQLite database"},
	{8, "DUCK", "a DuckDB database"},
	{0, "\x89HDF", "an HDF5 file"},
	{0, "\xd0\xcf\x11\xe0", "an old office document"},
	{0, "\x7fELF", "a program"},
	{0, "MZ", "a program"},
	{0, "GIF8", "a GIF image"},
	{0, "\xff\xd8\xff", "a JPEG image"},
	{0, "RIFF", "a media file"},
	{0, "II*\x00", "a TIFF image"},
	{0, "MM\x00*", "a TIFF image"},
	{0, "RDX", "an R data file"},
	{0, "<stata_dta>", "a Stata data file"},
	{0, "$FL2", "an SPSS data file"},
	{0, "{\\rtf", "a rich text document"},
}

// matches refuses data that is not what its declared type says.
func matches(declared Type, data []byte) error {
	mismatch := func(actual string) error {
		return &Refusal{fmt.Sprintf("The file is named as %s but is %s.", declared, actual),
			"Export it again in the type that its name says."}
	}
	for _, s := range signatures {
		if len(data) >= s.offset+len(s.magic) && string(data[s.offset:s.offset+len(s.magic)]) == s.magic {
			if s.name == string(declared) {
				return nil
			}
			if s.magic == "MZ" && isText(data) { // two letters that words may begin with
				continue
			}
			if s.name == string(PNG) || s.name == string(PDF) {
				return mismatch("a " + s.name)
			}
			return mismatch(s.name)
		}
	}
	if declared == PNG || declared == PDF {
		return mismatch("something else")
	}
	if !utf8.Valid(data) {
		return &Refusal{"The file is not UTF-8 text.", "Save it as UTF-8."}
	}
	if !isText(data) {
		return mismatch("binary data")
	}
	switch markup := markupOf(data); {
	case declared == SVG && markup != SVG:
		return mismatch("not an SVG drawing")
	case declared == HTML && markup == SVG:
		return mismatch("an SVG drawing")
	case declared == JSON && !json.Valid(trimBOM(data)):
		return mismatch("not one valid JSON value")
	case declared != HTML && declared != SVG && declared != Markdown && markup != "":
		return mismatch("a web page or drawing")
	}
	return nil
}

func trimBOM(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) }

// isText reports whether data is UTF-8 without the control characters that
// text does not have.
func isText(data []byte) bool {
	for _, b := range data {
		if b < 0x20 && b != '\n' && b != '\r' && b != '\t' && b != '\f' || b == 0x7f {
			return false
		}
	}
	return utf8.Valid(data)
}

// markupOf recognises a text that a browser would take for a page or drawing.
func markupOf(data []byte) Type {
	data = bytes.TrimSpace(trimBOM(data))
	if hasPrefixFold(data, "<!doctype html") || hasPrefixFold(data, "<html") || hasPrefixFold(data, "<script") {
		return HTML
	}
	if len(data) == 0 || data[0] != '<' {
		return ""
	}
	dec := xml.NewDecoder(bytes.NewReader(data))
	for range 32 { // prolog, comments, doctype; then the root
		token, err := dec.RawToken()
		if err != nil {
			return ""
		}
		if start, ok := token.(xml.StartElement); ok {
			switch start.Name.Local {
			case "svg":
				return SVG
			case "html":
				return HTML
			}
			return ""
		}
	}
	return ""
}
