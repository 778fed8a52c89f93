package infer

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

func TestLooks(t *testing.T) {
	for value, want := range map[string]look{
		"9990000018":              lookNHSNumber,
		"999 000 0018":            lookNHSNumber,
		"999-000-0018":            lookNHSNumber,
		"9990000019":              -1,
		"see 999 000 0018, again": lookNHSNumber,
		"SW1A 1AA":                lookPostcode,
		"m11ae":                   lookPostcode,
		"E01012345":               lookArea,
		"I219":                    -1,
		"44054006":                -1,
		"2020-01-01":              -1,
		"a.b@example.org":         lookEmail,
		"a@b":                     -1,
		"07700 900123":            lookPhone,
		"+44 7700 900123":         lookPhone,
		"020 7946 0123":           lookPhone,
		"Smith":                   lookName,
		"Mary Jones-Patel":        lookName,
		"emergency":               -1,
		"12 Sample Street":        lookAddress,
		"1.25":                    -1,
	} {
		var found [looks]bool
		lookAt([]byte(value), &found)
		for l := range looks {
			if found[l] != (l == want) {
				t.Errorf("%q: looks like %s: %v", value, lookNames[l], found[l])
			}
		}
	}
}

func TestAFewWrongRowsDoNotMakeAnotherEncoding(t *testing.T) {
	for text, want := range map[string]source.Encoding{
		"a,b\nc,d\n":            source.EncodingUTF8,
		"é\nö\n\xe9\n":          source.EncodingUTF8,
		"\xe9\n\xf6\né\n":       source.EncodingWindows1252,
		"\xff\xfea\x00":         source.EncodingUTF16,
		"a\x00b\x00c\x00\n\x00": source.EncodingUTF16LE,
		"\x00a\x00b\x00c\x00\n": source.EncodingUTF16BE,
	} {
		if got := encodingOf([]byte(text)); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func columnOf(name string, values ...string) *column {
	c := newColumn(name)
	for range 40 {
		for _, v := range values {
			c.take([]byte(v))
		}
	}
	return c
}

func TestDecisions(t *testing.T) {
	for name, c := range map[string]struct {
		column    *column
		kind      catalog.FieldType
		treatment catalog.Treatment
		class     catalog.Class
		format    string
	}{
		"a code":                     {columnOf("method", "elective", "emergency", ""), catalog.FieldText, catalog.TreatKeep, catalog.ClassDimension, ""},
		"padded digits are a code":   {columnOf("x", "01", "02", "11"), catalog.FieldText, catalog.TreatKeep, catalog.ClassDimension, ""},
		"decimals":                   {columnOf("value", "1.5", "2", "-3"), catalog.FieldNumber, catalog.TreatKeep, catalog.ClassMeasure, ""},
		"an area":                    {columnOf("lsoa", "E01012345", "E01012346"), catalog.FieldText, catalog.TreatKeep, catalog.ClassQuasi, ""},
		"a date":                     {columnOf("seen", "2020-01-01", "2021-05-06"), catalog.FieldDate, catalog.TreatKeep, catalog.ClassDate, ""},
		"a British date":             {columnOf("seen", "31/01/2020", "06/05/2021"), catalog.FieldDate, catalog.TreatKeep, catalog.ClassDate, "DD/MM/YYYY"},
		"a date that may be either":  {columnOf("seen", "01/02/2020", "06/05/2021"), catalog.FieldText, catalog.TreatDrop, "", ""},
		"a time":                     {columnOf("seen", "2020-01-01 10:00:00"), catalog.FieldTimestamp, catalog.TreatDay, catalog.ClassDate, ""},
		"a birth by its name":        {columnOf("dob", "2001-01-31", "2002-05-06"), catalog.FieldDate, catalog.TreatYear, catalog.ClassDimension, ""},
		"a birth by its values":      {columnOf("d1", "1931-01-31", "2002-05-06", "1975-01-01"), catalog.FieldDate, catalog.TreatYear, catalog.ClassDimension, ""},
		"NHS numbers":                {columnOf("x", "9990000018", "9990000026"), catalog.FieldText, catalog.TreatDrop, "", ""},
		"e-mail addresses":           {columnOf("x", "a@example.org", "b@example.org"), catalog.FieldText, catalog.TreatDrop, "", ""},
		"names":                      {columnOf("x", "Smith", "Jones", "Quillfeather"), catalog.FieldText, catalog.TreatDrop, "", ""},
		"postcodes":                  {columnOf("x", "SW1A 1AA", "M1 1AE"), catalog.FieldText, catalog.TreatDrop, "", ""},
		"a name by its column":       {columnOf("surname", "Quillfeather", "Zephirin"), catalog.FieldText, catalog.TreatDrop, "", ""},
		"nothing":                    {columnOf("x", "", ""), catalog.FieldText, catalog.TreatDrop, "", ""},
		"phone numbers in few notes": {columnOf("note", "rang 07700 900123 and left word", "no answer at the door today", "will come again next week or so"), catalog.FieldText, catalog.TreatDrop, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := c.column.decide()
			if d.kind != c.kind || d.treatment != c.treatment || d.class != c.class || d.format != c.format {
				t.Errorf("got %s, %s, class %s, format %s (%v)", d.kind, d.treatment, d.class, d.format, d.notes)
			}
		})
	}
}
