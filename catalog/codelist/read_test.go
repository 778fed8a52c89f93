package codelist

import (
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// What publishers give is read as it is: columns by whatever of their names, codes as text.
func TestPublishedFormsAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		file, column string
		system       System
		want         []Term
		is           System
	}{
		"OpenCodelists":         {file: "code,term\n44054006,Type 2 diabetes mellitus\n", system: SNOMED, want: []Term{{"44054006", "Type 2 diabetes mellitus", ""}}},
		"with a category":       {file: "code,term,category\n44054006,\"Diabetes, type 2\",1\n", system: SNOMED, want: []Term{{"44054006", "Diabetes, type 2", "1"}}},
		"medicines":             {file: "dmd_type,dmd_id,dmd_name,bnf_code\nVMP,39113611000001102,Salbutamol 100micrograms/dose inhaler,0301011R0AAAPAP\n", is: DMD, want: []Term{{"39113611000001102", "Salbutamol 100micrograms/dose inhaler", ""}}},
		"SNOMED by its name":    {file: "snomedct_code,description\n44054006,Diabetes\n", is: SNOMED, want: []Term{{"44054006", "Diabetes", ""}}},
		"ICD-10 by its name":    {file: "ICD10_code,term\nE119,x\nI48X,y\nE11.9,z\n", is: ICD10, want: []Term{{"E119", "x", ""}, {"I48X", "y", ""}, {"E11.9", "z", ""}}},
		"CTV3 by its name":      {file: "CTV3ID,CTV3PreferredTermDesc\nC10..,Diabetes mellitus\nX40J4,T1\n1234.,T2\n", is: CTV3, want: []Term{{"C10..", "Diabetes mellitus", ""}, {"X40J4", "T1", ""}, {"1234.", "T2", ""}}},
		"BNF alone":             {file: "bnf_code,name\n0301011R0,Salbutamol\n", is: BNF, want: []Term{{"0301011R0", "Salbutamol", ""}}},
		"a column that is told": {file: "id,label\nK401,x\n", column: "ID", system: OPCS4, want: []Term{{"K401", "", ""}}},
		"marked UTF-8, CRLF":    {file: "\xef\xbb\xbfcode,term\r\n 44054006\u00a0,Ménière\r\n", system: SNOMED, want: []Term{{"44054006", "Ménière", ""}}},
	} {
		got, is, err := read([]byte(c.file), c.column, c.system)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.is == "" {
			c.is = c.system
		}
		if len(got) != len(c.want) || is != c.is {
			t.Errorf("%s: %v of %s", name, got, is)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v", name, got[i])
			}
		}
	}
}

// Whatever is wrong is said with its line, and never with what stands there.
func TestWhatIsWrongIsSaid(t *testing.T) {
	for want, c := range map[string]struct {
		file   string
		system System
	}{
		"The file is empty":                     {"", SNOMED},
		"no codes":                              {"code,term\n", SNOMED},
		"no column of codes":                    {"id,term\n44054006,secret\n", SNOMED},
		"of which system":                       {"code,term\n44054006,secret\n", ""},
		"no such system":                        {"code,term\n44054006,secret\n", "icd11"},
		"is of icd10 by its name":               {"icd10_code\nE119\n", SNOMED},
		"have the same name":                    {"code,Code\n44054006,44054006\n", SNOMED},
		"Line 2 of the file is not UTF-8":       {"code,term\n44054006,secr\xe9t\n", SNOMED},
		"UTF-16":                                {"\xff\xfec\x00o\x00", SNOMED},
		"a workbook":                            {"PK\x03\x04secret", SNOMED},
		"Line 3 has another number of columns":  {"code,term\n44054006,a\n38341003\n", SNOMED},
		"quote":                                 {"code,term\n44054006,\"secret\n", SNOMED},
		"Line 2: there is no code":              {"code,term\n,secret\n", SNOMED},
		"Line 4: the code stands in line 2":     {"code\n44054006\n38341003\n44054006 \n", SNOMED},
		"Line 2: the code was made a number in": {"code\n1.00367E+15\n", SNOMED},
		"scientific form":                       {"code\n1E+10\n", ICD10},
		"Line 2: the code was made a decimal":   {"code\n44054006.0\n", SNOMED},
		"a date":                                {"code\n03-Mar\n", OPCS4},
		"which keeps fifteen":                   {"code\n999861000000000000\n", SNOMED},
		"Line 2: the check digit is wrong":      {"code\n44054007\n", SNOMED},
		"a description or a relationship":       {"code\n197763012\n", SNOMED},
		"has digits alone":                      {"code\nC10..\n", SNOMED},
		"the first is no zero":                  {"code\n044054006\n", SNOMED},
		"zeros at its beginning":                {"code\n12\n", CTV3},
		"zero at its beginning":                 {"code\n301011\n", BNF},
		"no ICD-10 code":                        {"code\n44054006\n", ICD10},
		"no OPCS-4 code":                        {"code\nE119X\n", OPCS4},
		"a space or another character":          {"code\nE11 9\n", Other},
		"looks like NHS numbers":                {"code\n9990000018\n9990000026\n9990000034\n", Other},
		"control character":                     {"code,term\n44054006,\"a\nsecret\"\n", SNOMED},
	} {
		_, _, err := read([]byte(c.file), "", c.system)
		if gatehouse.CodeOf(err) != gatehouse.CodeCodelist || !strings.Contains(err.Error(), want) && !strings.Contains(gatehouse.Public(err).Advice, want) {
			t.Errorf("%q: %v", want, err)
			continue
		}
		if shown := gatehouse.Public(err); strings.Contains(shown.Message+shown.Advice, "secret") || strings.Contains(shown.Message, "44054006") {
			t.Errorf("%q tells what stands there: %v", want, shown)
		}
	}
}

// A long list of faults is cut.
func TestFaultsAreCounted(t *testing.T) {
	_, _, err := read([]byte("code\n"+strings.Repeat("x\n", 50)), "", SNOMED)
	if said := gatehouse.Public(err).Message; strings.Count(said, "\n") != mostSaid+1 || !strings.Contains(said, "30 more faults") {
		t.Fatal(said)
	}
}
