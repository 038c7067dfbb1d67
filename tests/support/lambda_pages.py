"""Walks every list of a Lambda endpoint in pages of each size, and asks with markers that it never gave
or gave for something else: prints what it saw as JSON.

argv: the endpoint's URL, the component that the functions are bound to.
"""

component = read(sys.argv[2])
MANY = 7
for number in range(1, MANY):
    lambda_.update_function_code(FunctionName="F0", ZipFile=variant(component, str(number)), Publish=True)
for number in range(MANY):
    lambda_.create_alias(FunctionName="F0", Name=f"a{number}", FunctionVersion="1")

asked = {
    "list_functions": ({}, "Functions", "FunctionArn"),
    "list_versions_by_function": ({"FunctionName": "F0"}, "Versions", "Version"),
    "list_aliases": ({"FunctionName": "F0"}, "Aliases", "Name"),
}
seen, markers = {}, {}
for name, (members, items, key) in asked.items():
    paginator, call = lambda_.get_paginator(name), getattr(lambda_, name)
    whole = [it[key] for it in call(**members)[items]]
    assert len(set(whole)) == len(whole) == MANY, (name, whole)
    for size in range(1, MANY + 2):
        pages = [page[items] for page in paginator.paginate(**members, PaginationConfig={"PageSize": size})]
        full, rest = divmod(MANY, size)
        assert [len(page) for page in pages] == [size] * full + [rest] * (rest > 0), (name, size)
        assert [it[key] for page in pages for it in page] == whole, (name, size)
    markers[name] = call(**members, MaxItems=2)["NextMarker"]
    seen[name] = MANY

everywhere = [it["FunctionArn"] for page in lambda_.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 3}) for it in page["Functions"]]
seen["everywhere"] = [len(everywhere), len(set(everywhere))]

taken = []
for name, (members, *_) in asked.items():
    own, call = markers[name], getattr(lambda_, name)
    changed = [own[:place] + ("A" if own[place] != "A" else "B") + own[place + 1 :] for place in range(len(own))]
    cut = [own[:length] for length in range(1, len(own))]
    for marker in (*changed, *cut, own + "A", *(other for other in markers.values() if other != own), "forged", "", "\u00fc", "0"):
        error = refused(call, **members, Marker=marker)
        if error is None or error[0] != "InvalidParameterValueException":
            taken.append([name, marker, error])
# A page goes on where it was, though what it ended on is there no more.
lambda_.delete_alias(FunctionName="F0", Name="a1")
seen["goes on"] = [it["Name"] for it in lambda_.list_aliases(FunctionName="F0", Marker=markers["list_aliases"])["Aliases"]]
seen["other list"] = refused(lambda_.list_aliases, FunctionName="F1", Marker=markers["list_aliases"])[0]
print(json.dumps({**seen, "taken": taken}))
