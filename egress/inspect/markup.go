package inspect

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
)

// Patterns of what a page does by itself when it is opened.
var (
	activeMarkup   = regexp.MustCompile(`(?i)<\s*(?:script|iframe|object|embed|applet|form|base|meta\s[^>]*http-equiv)|\son[a-z]{3,}\s*=|javascript:|vbscript:`)
	externalMarkup = regexp.MustCompile(`(?i)(?:src|srcset|xlink:href|data|poster|background|action)\s*=\s*["']?\s*(?:https?:)?//|<\s*link\s[^>]*href|@import|url\(\s*["']?\s*(?:https?:)?//|!\[[^\]\n]*\]\(\s*(?:https?:)?//`)
	embeddedMarkup = regexp.MustCompile(`(?i)data:[a-z0-9.+/-]*[;,]`)
	commentMarkup  = regexp.MustCompile(`<!--`)
)

// inspectMarkup looks for what HTML (also inside Markdown) does or hides.
func inspectMarkup(c *collector, data []byte) {
	line := 0
	for text := range bytes.SplitSeq(data, []byte("\n")) {
		line++
		if m := activeMarkup.FindIndex(text); m != nil {
			c.add(Finding{RuleActive, Serious, line, m[0] + 1, "This would run when the file is opened.", "Export the page without scripts, frames and forms."})
		}
		if m := externalMarkup.FindIndex(text); m != nil {
			c.add(Finding{RuleExternal, Serious, line, m[0] + 1, "Opening the file would fetch something from elsewhere.", "Export it with everything inside."})
		}
		if m := embeddedMarkup.FindIndex(text); m != nil {
			c.add(Finding{RuleEmbedded, Warning, line, m[0] + 1, "Data is embedded here that cannot be read as text.", "Hand in images as files of their own."})
		}
		if m := commentMarkup.FindIndex(text); m != nil {
			c.add(Finding{RuleEmbedded, Notice, line, m[0] + 1, "A comment is not shown when the file is opened.", "Read it in the source."})
		}
	}
}

// inspectSVG reads a drawing as XML: its text, and what is no drawing.
func inspectSVG(c *collector, data []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(trimBOM(data)))
	dec.Strict = true
	points := 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &Refusal{"The drawing is not well-formed XML.", "Export it again."}
		}
		line, _ := dec.InputPos()
		switch token := token.(type) {
		case xml.StartElement:
			switch strings.ToLower(token.Name.Local) {
			case "script", "foreignobject", "iframe", "object", "embed", "handler", "set":
				c.add(Finding{RuleActive, Serious, line, 0, "The drawing holds an element that can run or show other content.", "Export it as plain shapes and text."})
			case "image":
				c.add(Finding{RuleEmbedded, Warning, line, 0, "The drawing holds an image that cannot be read as text.", "Hand in images as files of their own."})
			case "metadata":
				c.add(Finding{RuleMetadata, Notice, line, 0, "The drawing holds metadata that is not shown.", "Read it in the source."})
			case "circle", "use", "ellipse":
				points++
			}
			for _, a := range token.Attr {
				name, value := strings.ToLower(a.Name.Local), strings.TrimSpace(a.Value)
				switch {
				case strings.HasPrefix(name, "on") || hasPrefixFold([]byte(value), "javascript:"):
					c.add(Finding{RuleActive, Serious, line, 0, "The drawing holds a script.", "Export it as plain shapes and text."})
				case name == "href" && value != "" && !strings.HasPrefix(value, "#"), externalMarkup.MatchString(name + "=" + value):
					c.add(Finding{RuleExternal, Serious, line, 0, "The drawing refers to something outside of it.", "Export it with everything inside."})
				}
				if !coordinates[name] {
					inspectLine(c, line, []byte(strings.ReplaceAll(a.Value, "\n", " ")))
				}
			}
		case xml.CharData:
			for i, text := range bytes.Split(token, []byte("\n")) {
				inspectLine(c, line-bytes.Count(token, []byte("\n"))+i, text)
			}
		case xml.Comment:
			c.add(Finding{RuleEmbedded, Notice, line, 0, "A comment is not shown in the drawing.", "Read it in the source."})
			inspectLine(c, line, token)
		case xml.Directive:
			if bytes.Contains(bytes.ToUpper(token), []byte("<!ENTITY")) || bytes.Contains(token, []byte("[")) {
				c.add(Finding{RuleActive, Serious, line, 0, "The drawing declares entities.", "Export it as plain shapes and text."})
			}
		}
	}
	if points >= 100 {
		c.add(Finding{RuleRowLevel, Warning, 0, 0, "The drawing has many single points, which may be one person each.", "Show groups, densities or box plots without outliers."})
	}
	c.add(byEye("drawing"))
	return nil
}

// coordinates are attributes whose numbers in a row would read as identifiers.
var coordinates = map[string]bool{"d": true, "points": true, "transform": true, "viewbox": true, "values": true}

func byEye(what string) Finding {
	return Finding{Rule: RuleByEye, Severity: Notice,
		What: "What the " + what + " shows is not read by this inspection.",
		Do:   "Look at it whole: labels, outliers, single points, small groups."}
}
