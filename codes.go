package gatehouse

// The codes, by room. A number is never given a new meaning.
const (
	CodeInternal Code = "GH-000"

	// identity, policy, workspaces
	CodeUnauthenticated  Code = "GH-101"
	CodeDenied           Code = "GH-102"
	CodeNotFound         Code = "GH-103"
	CodeProjectNotActive Code = "GH-104"
	CodeProjectExpired   Code = "GH-105"
	CodeTrainingLapsed   Code = "GH-106"
	CodeListsStale       Code = "GH-107"
	CodeWrongWorkspace   Code = "GH-108"
	CodeInvalidProject   Code = "GH-109"
	CodeConflict         Code = "GH-110" // exists already, or its state does not allow this

	// what takes two custodians
	CodeJointInvalid Code = "GH-140" // what is asked for is not complete
	CodeJointState   Code = "GH-141" // its state, or the project's, does not allow this

	// signing in
	CodeSignInOff       Code = "GH-120" // no identity provider is configured
	CodeSignInFailed    Code = "GH-121" // what the provider or the browser brought back does not verify
	CodeIdentityUnknown Code = "GH-122" // an account of the provider that is no user's
	CodeFactors         Code = "GH-123" // signed in with fewer factors than are required
	CodeProvider        Code = "GH-124" // the provider cannot be reached, or is not what was configured
	CodeUserLocked      Code = "GH-125"
	CodeSessionEnded    Code = "GH-126" // signed out, revoked, expired or idle for too long

	// projects: applications, custodians, agreements
	CodeNotCustodian Code = "GH-130" // custodian, but not of the dataset that it concerns
	CodeDecided      Code = "GH-131" // decided already
	CodeEdited       Code = "GH-132" // it is not any more what was looked at
	CodeUnsigned     Code = "GH-133" // the agreement is not signed, or has lapsed
	CodeIncomplete   Code = "GH-134" // the application does not say all that it must
	CodeAmendment    Code = "GH-135" // the amendment's state does not allow this

	// those whom nobody knows
	CodeTooManyAttempts Code = "GH-136" // too many secrets that are worth nothing

	// the gate: SQL that is not understood or not accepted
	CodeSyntax            Code = "GH-201" // does not parse
	CodeBind              Code = "GH-202" // unknown table, column or function, or wrong types
	CodeStatement         Code = "GH-203" // a statement other than the accepted ones
	CodeRowLevel          Code = "GH-204" // the result would be rows of people
	CodeFunction          Code = "GH-205" // function not on the allow-list
	CodeAggregate         Code = "GH-206" // aggregate not allowed at the frontier
	CodeJoin              Code = "GH-207" // join of people not on the person
	CodeGroupKey          Code = "GH-208" // group key is not a dimension
	CodeMeasure           Code = "GH-209" // argument of an aggregate is not a measure expression
	CodeWindow            Code = "GH-210" // window over people not partitioned by the person
	CodeOperator          Code = "GH-211" // operator that the gate does not read
	CodeTableFunction     Code = "GH-212" // table function
	CodeColumnNotApproved Code = "GH-213" // column or table outside the project's approval
	CodePersonMixed       Code = "GH-214" // the person identity used as an ordinary value
	CodeTooLarge          Code = "GH-215" // query text, tree or result above the limit
	CodeTooSmall          Code = "GH-220" // nothing is left after suppression
	CodeDifference        Code = "GH-221" // would differ from an earlier release by too few people
	CodeTimeLimit         Code = "GH-230"
	CodeCancelled         Code = "GH-231"
	CodeEngineLost        Code = "GH-232"
	CodeEngineMissing     Code = "GH-233"
	CodeArithmetic        Code = "GH-234" // the query's arithmetic failed (overflow, bad input); no value is shown

	// catalogue and publication
	CodeDefinition     Code = "GH-301" // dataset definition file
	CodeExtractMissing Code = "GH-302"
	CodeExtractHeader  Code = "GH-303"
	CodeExtractEncoded Code = "GH-304" // not the declared encoding
	CodeExtractBroken  Code = "GH-305" // truncated, or a quote never closed
	CodeExtractEmpty   Code = "GH-306"
	CodeListOld        Code = "GH-307" // opt-out list older than allowed
	CodeListInvalid    Code = "GH-308" // not a list: an error or status message, or malformed
	CodeStorage        Code = "GH-309" // disk full or unwritable
	CodeCounts         Code = "GH-310" // rows do not add up: nothing was published
	CodeTooManyRejects Code = "GH-311"
	CodeManifest       Code = "GH-312" // a published file or manifest does not verify
	CodeChanges        Code = "GH-340" // changes cannot be published on what stands
	CodeVersionInUse   Code = "GH-341" // a version that is held, or that somebody works with, is not deleted
	CodeQuality        Code = "GH-350" // the data does not pass a check of its definition
	CodeRetention      Code = "GH-342" // what a retention rule or a deletion must be
	CodeRecalled       Code = "GH-380" // a version that its custodian recalled
	CodeCodelist       Code = "GH-530" // a codelist that cannot be taken

	// opt-outs
	CodeCheck   Code = "GH-320" // the check service gave no list
	CodeMailbox Code = "GH-321" // its mailbox did not answer as it should
	CodeConsent Code = "GH-370" // who consents to a project is not recorded, or cannot be

	// the person index and linkage
	CodeIndexChange Code = "GH-330" // a merge or split that cannot be made
	CodeShift       Code = "GH-360" // dates that cannot be moved as the definition says

	// requests and releases
	CodeRequestState   Code = "GH-401" // the request's state does not allow this
	CodeSeparation     Code = "GH-402" // separation of duties
	CodeRequestInvalid Code = "GH-403"
	CodeFileRefused    Code = "GH-404"
	CodeReleaseExpired Code = "GH-405"
	CodeBundle         Code = "GH-406" // a bundle does not verify
	CodeLinkUsed       Code = "GH-430" // a download link works once
	CodeLinkExpired    Code = "GH-431"

	// the house itself
	CodeSandbox  Code = "GH-501" // a sandbox layer is missing
	CodeJournal  Code = "GH-502" // the journal cannot be written or does not verify
	CodeConfig   Code = "GH-503"
	CodeBusy     Code = "GH-504"
	CodeShutdown Code = "GH-505"
	CodeKeys     Code = "GH-506"
	CodeUsage    Code = "GH-507" // a mistake on the command line

	// notices
	CodeNoticeOptions Code = "GH-510" // an address or choice that cannot be used
	CodeNotices       Code = "GH-511" // settings of e-mail or webhooks

	// documents of projects
	CodeDocument Code = "GH-520" // a file that cannot be a document

	// the protocol that notebooks speak
	CodeProtocol    Code = "GH-601" // a message that is not valid Flight SQL
	CodeUnsupported Code = "GH-602" // a part of Flight SQL that is not offered
)

type codeInfo struct {
	kind   Kind
	advice string
}

var codes = map[Code]codeInfo{
	CodeInternal: {KindInternal, "Try again; if it persists, give your operator the decision or request id."},

	CodeUnauthenticated:  {KindUnauthenticated, "Present a current token as 'authorization: Bearer …'."},
	CodeDenied:           {KindDenied, "Ask the project's lead or a custodian if you think you should be allowed."},
	CodeNotFound:         {KindNotFound, "Check the name; things you may not see are not shown."},
	CodeProjectNotActive: {KindDenied, "Wait for the custodian's approval, or ask why the project was stopped."},
	CodeProjectExpired:   {KindDenied, "Ask the project's lead to apply for an extension."},
	CodeTrainingLapsed:   {KindDenied, "Renew your training certificate."},
	CodeListsStale:       {KindUnavailable, "The custodian must load a current list before queries are answered."},
	CodeWrongWorkspace:   {KindDenied, "Use a token made for this workspace."},
	CodeInvalidProject:   {KindInvalid, "Correct the project file."},
	CodeConflict:         {KindConflict, "Look at how it stands now, then decide what to do."},

	CodeJointInvalid: {KindInvalid, "Correct what is asked for and try again."},
	CodeJointState:   {KindConflict, "Look at how it stands now, then decide what to do."},

	CodeSignInOff:       {KindUnavailable, "Use a token that the owner of the installation issues, or ask them to configure sign-in."},
	CodeSignInFailed:    {KindUnauthenticated, "Start signing in again from the beginning."},
	CodeIdentityUnknown: {KindDenied, "Ask the owner of the installation to link this account to your user name."},
	CodeFactors:         {KindDenied, "Sign in again with a second factor."},
	CodeProvider:        {KindUnavailable, "Try again in a moment; if it persists, tell your operator."},
	CodeUserLocked:      {KindDenied, "Ask the owner of the installation."},
	CodeSessionEnded:    {KindUnauthenticated, "Sign in again."},

	CodeNotCustodian: {KindDenied, "Ask a custodian of that dataset; 'gatehouse catalog custodian list' names them."},
	CodeDecided:      {KindConflict, "Look at how it stands now."},
	CodeEdited:       {KindConflict, "Look at it again as it stands now, then decide."},
	CodeUnsigned:     {KindDenied, "Read the agreement and sign it: 'gatehouse project agreement', then 'gatehouse project sign'."},
	CodeIncomplete:   {KindInvalid, "Complete the application, then submit it; 'gatehouse project create --example' shows a whole one."},
	CodeAmendment:    {KindConflict, "Look at how it stands now; propose another one if need be."},

	CodeTooManyAttempts: {KindExhausted, "Wait as long as is said, then present a current token or sign in again."},

	CodeSyntax:            {KindInvalid, "Correct the SQL and try again."},
	CodeBind:              {KindInvalid, "List the tables and columns of the workspace to see what can be named."},
	CodeStatement:         {KindDenied, "Ask with one SELECT; CREATE TABLE … AS SELECT keeps people for later questions."},
	CodeRowLevel:          {KindDenied, "Aggregate over people, for example count(*), avg(x), or a GROUP BY of dimensions."},
	CodeFunction:          {KindDenied, "Use the functions listed in docs/gate.md."},
	CodeAggregate:         {KindDenied, "Use count, sum, avg, stddev, median or a quantile."},
	CodeJoin:              {KindDenied, "Join tables of people on person_id."},
	CodeGroupKey:          {KindDenied, "Group by columns that the catalogue declares as dimensions, or by dates at month or coarser."},
	CodeMeasure:           {KindDenied, "Aggregate measure columns, or simple arithmetic of them."},
	CodeWindow:            {KindDenied, "Partition the window by person_id, or use windows over aggregated results."},
	CodeOperator:          {KindDenied, "Write the question with SELECT, JOIN, WHERE, GROUP BY, HAVING and ORDER BY."},
	CodeTableFunction:     {KindDenied, "Query the tables of the workspace."},
	CodeColumnNotApproved: {KindDenied, "Ask the project's lead to apply for it."},
	CodePersonMixed:       {KindDenied, "Use person_id only to join, group, partition, count or compare with another person_id."},
	CodeTooLarge:          {KindExhausted, "Ask a smaller question."},
	CodeTooSmall:          {KindDenied, "Use coarser groups or a wider population."},
	CodeDifference:        {KindDenied, "Ask for groups that differ from earlier results by more people."},
	CodeTimeLimit:         {KindExhausted, "Narrow the question, or split it."},
	CodeCancelled:         {KindExhausted, "Run it again if you still need it."},
	CodeEngineLost:        {KindUnavailable, "Try again; the workspace engine is being restarted."},
	CodeEngineMissing:     {KindUnavailable, "Tell your operator that the workspace engine does not start."},
	CodeArithmetic:        {KindDenied, "Guard the arithmetic, for example with TRY_CAST, or a WHERE that leaves out impossible values."},

	CodeDefinition:     {KindInvalid, "Correct the dataset definition."},
	CodeExtractMissing: {KindInvalid, "Put the file in the extracts folder, or correct its name in the definition."},
	CodeExtractHeader:  {KindInvalid, "Make the file's header match the definition."},
	CodeExtractEncoded: {KindInvalid, "Re-export the file in the declared encoding."},
	CodeExtractBroken:  {KindInvalid, "Re-export the file; it looks cut off or damaged."},
	CodeExtractEmpty:   {KindInvalid, "Re-export the file; it holds no rows."},
	CodeListOld:        {KindUnavailable, "Fetch a current list, then publish again."},
	CodeListInvalid:    {KindInvalid, "Fetch the list again; what came back is not a list of NHS numbers."},
	CodeStorage:        {KindUnavailable, "Free space on the volume, then try again; nothing was published."},
	CodeCounts:         {KindInternal, "Nothing was published. Keep the report and tell the maintainers."},
	CodeTooManyRejects: {KindInvalid, "Look at the rejection report, correct the extract, or raise the limit in the definition."},
	CodeCheck:          {KindInvalid, "See 'gatehouse optouts status'; the list that you have stays as it is."},
	CodeMailbox:        {KindUnavailable, "Run the same command again later: it goes on from where it stopped."},
	CodeManifest:       {KindUnavailable, "Do not use this version; restore it from a backup or publish again."},
	CodeChanges:        {KindInvalid, "Publish a whole extract."},
	CodeVersionInUse:   {KindConflict, "End what uses the version, or lift the hold, then try again."},
	CodeQuality:        {KindInvalid, "Look at the report, correct the extract, or change the check in the definition; nothing was published."},
	CodeRetention:      {KindInvalid, "Correct the rule or the reason, then try again."},
	CodeRecalled:       {KindDenied, "Ask a custodian of the dataset to move the project to another version, with 'gatehouse project use-version'."},

	CodeCodelist: {KindInvalid, "Correct the file, or download it again from its publisher."},

	CodeConsent:     {KindUnavailable, "A custodian must record who consents to the project."},
	CodeIndexChange: {KindInvalid, "Correct the list and try again."},

	CodeRequestState:   {KindConflict, "Look at the request's state to see whose turn it is."},
	CodeSeparation:     {KindDenied, "Somebody else must do this: authors never check their own requests, and checkers vote once."},
	CodeRequestInvalid: {KindInvalid, "Correct the request and try again."},
	CodeFileRefused:    {KindInvalid, "Remove the file, or choose an accepted type and size."},
	CodeReleaseExpired: {KindDenied, "Ask for a new release."},
	CodeLinkUsed:       {KindConflict, "Make a new link. If it was not you who used it, tell the environment: the journal says when it was used."},
	CodeLinkExpired:    {KindDenied, "Make a new link."},
	CodeBundle:         {KindInvalid, "Do not use this bundle; download it again or tell the auditor."},

	CodeSandbox:  {KindUnavailable, "The operator must install or allow the missing sandbox layer."},
	CodeJournal:  {KindUnavailable, "The operator must make the journal writable; nothing leaves until then."},
	CodeConfig:   {KindInvalid, "Correct the configuration."},
	CodeBusy:     {KindUnavailable, "Try again in a moment."},
	CodeShutdown: {KindUnavailable, "Try again when the service is back."},
	CodeKeys:     {KindUnavailable, "The operator must make the key store reachable."},
	CodeUsage:    {KindInvalid, "See the command's --help."},

	CodeNotices:       {KindInvalid, "Correct 'notices' in gatehouse.yaml."},
	CodeNoticeOptions: {KindInvalid, "Give an address such as ada@example.org, and 'each', 'daily' or 'urgent'."},

	CodeDocument: {KindInvalid, "Choose a PDF, PNG or JPEG file of at most 4 MiB, and say what it is."},

	CodeProtocol:    {KindInvalid, "Use a current ADBC or Flight SQL driver."},
	CodeUnsupported: {KindInvalid, "Ask with single SQL statements; each takes effect at once."},
}

// Kind is the class of the code; an unknown code is an internal fault.
func (c Code) Kind() Kind { return codes[c].kind }

func (c Code) advice() string { return codes[c].advice }
