package inspect

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image/png"
	"math"
)

// inspectPNG walks the chunks of an image: everything in it must be image.
func inspectPNG(c *collector, data []byte) error {
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return &Refusal{"The image is damaged.", "Export it again."}
	}
	if pixels := int64(config.Width) * int64(config.Height); pixels > 100_000_000 {
		return &Refusal{"The image has more than 100 million pixels.", "Export it smaller."}
	}
	at := len("\x89PNG\r\n\x1a\n")
	for ended := false; !ended; {
		if at+12 > len(data) {
			return &Refusal{"The image is cut off.", "Export it again."}
		}
		size := binary.BigEndian.Uint32(data[at:])
		if size > math.MaxInt32 || at+12+int(size) > len(data) {
			return &Refusal{"The image is cut off.", "Export it again."}
		}
		kind, body := string(data[at+4:at+8]), data[at+8:at+8+int(size)]
		if crc32.ChecksumIEEE(data[at+4:at+8+int(size)]) != binary.BigEndian.Uint32(data[at+8+int(size):]) {
			return &Refusal{"The image is damaged.", "Export it again."}
		}
		switch kind {
		case "IEND":
			ended = true
		case "tEXt", "zTXt", "iTXt", "eXIf":
			c.add(Finding{Rule: RuleMetadata, Severity: Warning, What: "The image carries text or camera data that is not shown.", Do: "Export it without metadata."})
			if kind != "zTXt" {
				inspectLine(c, 0, bytes.ReplaceAll(body, []byte("\n"), []byte(" ")))
			}
		case "IHDR", "PLTE", "IDAT", "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "bKGD", "hIST", "pHYs", "sPLT", "tIME", "cICP":
		default:
			c.add(Finding{Rule: RuleEmbedded, Severity: Serious, What: "The image holds a part of an unknown kind.", Do: "Export it again with a plain image writer."})
		}
		at += 12 + int(size)
	}
	if at < len(data) {
		c.add(Finding{Rule: RuleTrailing, Severity: Serious, What: "Data follows the end of the image.", Do: "Export it again with a plain image writer."})
	}
	c.add(byEye("image"))
	return nil
}

// inspectPDF looks for names of a PDF that act or hide. Content in compressed
// streams is not read, and the finding says so.
func inspectPDF(c *collector, data []byte) {
	for _, mark := range []struct {
		name string
		Finding
	}{
		{"/JavaScript", Finding{Rule: RuleActive, Severity: Serious, What: "The document holds a script.", Do: "Print it to PDF anew."}},
		{"/JS", Finding{Rule: RuleActive, Severity: Serious, What: "The document holds a script.", Do: "Print it to PDF anew."}},
		{"/Launch", Finding{Rule: RuleActive, Severity: Serious, What: "The document starts something when it is opened.", Do: "Print it to PDF anew."}},
		{"/EmbeddedFile", Finding{Rule: RuleEmbedded, Severity: Serious, What: "The document carries files inside.", Do: "Hand the files in by themselves."}},
		{"/RichMedia", Finding{Rule: RuleEmbedded, Severity: Serious, What: "The document carries media inside.", Do: "Print it to PDF anew."}},
		{"/Encrypt", Finding{Rule: RuleEmbedded, Severity: Serious, What: "The document is encrypted and cannot be looked into.", Do: "Export it without a password."}},
		{"/ObjStm", Finding{Rule: RuleEmbedded, Severity: Notice, What: "Parts of the document's structure are compressed and were not looked into.", Do: "Open it in a viewer that runs no scripts."}},
	} {
		if bytes.Contains(data, []byte(mark.name)) {
			c.add(mark.Finding)
		}
	}
	if end := bytes.LastIndex(data, []byte("%%EOF")); end < 0 {
		c.add(Finding{Rule: RuleTrailing, Severity: Warning, What: "The document has no end mark.", Do: "Export it again."})
	} else if len(bytes.TrimSpace(data[end+len("%%EOF"):])) > 0 {
		c.add(Finding{Rule: RuleTrailing, Severity: Serious, What: "Data follows the end of the document.", Do: "Export it again."})
	}
	inspectPrintable(c, data)
	c.add(byEye("document"))
}

// inspectPrintable looks for identifiers in the parts of binary data that are
// plain ASCII, as a PDF's titles and uncompressed pages are.
func inspectPrintable(c *collector, data []byte) {
	for start := 0; start < len(data); {
		end := start
		for end < len(data) && data[end] >= 0x20 && data[end] < 0x7f {
			end++
		}
		if run := data[start:end]; len(run) >= 12 && !bytes.Contains(run, []byte(" 00000 n")) { // not a cross-reference table
			inspectLine(c, 0, run)
		}
		start = end + 1
	}
}
