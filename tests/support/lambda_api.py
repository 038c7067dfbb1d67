"""Calls every operation of a Lambda endpoint that is here: prints what it saw as JSON.

argv: the endpoint's URL, the component that the functions are bound to, one that needs grants that
`ReceiveOrder` has not.
"""

import base64
import hashlib

component, ungranted = read(sys.argv[2]), read(sys.argv[3])
NAME = "ReceiveOrder"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"
ORDER = {"order_id": "1", "product_id": "sku-001", "quantity": 1, "customer_email": "a@example.com"}
seen = {}


def sha256(code):
    return base64.b64encode(hashlib.sha256(code).digest()).decode()


def invoke(payload=ORDER, name=NAME, **more):
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(payload), **more)
    text = answer["Payload"].read()
    return answer, json.loads(text) if text else None


def functions():
    listed = lambda_.list_functions()["Functions"]
    whole = lambda_.get_function(FunctionName=NAME)
    latest = whole["Configuration"]
    assert lambda_.get_function_configuration(FunctionName=ARN)["RevisionId"] == latest["RevisionId"]
    return {
        "names": [it["FunctionName"] for it in listed],
        "arn": latest["FunctionArn"] == ARN,
        "version": latest["Version"],
        "code": [latest["CodeSha256"] == sha256(component), latest["CodeSize"] == len(component)],
        "limits": [latest["Timeout"], latest["MemorySize"]],
        "state": [latest["State"], latest["LastUpdateStatus"]],
        "download": download(whole["Code"]["Location"]) == component,
        "qualified": lambda_.get_function(FunctionName=NAME, Qualifier="$LATEST")["Configuration"]["FunctionArn"] == f"{ARN}:$LATEST",
    }


def publishing():
    code = lambda_.update_function_code
    two, three = variant(component, "two"), variant(component, "three")
    dry = code(FunctionName=NAME, ZipFile=two, DryRun=True)
    first = lambda_.publish_version(FunctionName=NAME, Description="the first")
    same = lambda_.publish_version(FunctionName=NAME)
    bare = code(FunctionName=NAME, ZipFile=two)
    again = lambda_.publish_version(FunctionName=NAME, CodeSha256=sha256(two), RevisionId=bare["RevisionId"])
    packed = code(FunctionName=ARN, ZipFile=zipped(three, "a/b.wasm"), Publish=True)
    stored = code(FunctionName=NAME, ZipFile=zipped(three, method=zipfile.ZIP_STORED))
    versions = lambda_.list_versions_by_function(FunctionName=NAME)["Versions"]
    everywhere = lambda_.list_functions(FunctionVersion="ALL")["Functions"]
    second = lambda_.get_function(FunctionName=f"{NAME}:2")
    return {
        "dry": [dry["CodeSha256"] == sha256(two), dry["Version"]],
        "first": [first["Version"], first["FunctionArn"] == f"{ARN}:1", first["Description"]],
        "same": same["Version"],
        "again": [again["Version"], again["Description"]],
        "packed": [packed["Version"], packed["FunctionArn"] == f"{ARN}:3", packed["CodeSha256"] == sha256(three)],
        "stored": [stored["Version"], stored["CodeSha256"] == sha256(three)],
        "versions": [it["Version"] for it in versions],
        "arns": [it["FunctionArn"].removeprefix(ARN) for it in versions],
        "everywhere": [it["FunctionArn"].split("function:")[1] for it in everywhere],
        "second": download(second["Code"]["Location"]) == two,
        "bytes": [it["CodeSize"] for it in versions[1:]] == [len(component), len(two), len(three)],
    }


def aliases():
    live = lambda_.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1", Description="what is live")
    half = lambda_.update_alias(FunctionName=NAME, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    ran = {invoke(Qualifier="live")[0]["ExecutedVersion"] for _ in range(64)}
    kept = lambda_.update_alias(FunctionName=NAME, Name="live", Description="", RevisionId=half["RevisionId"])
    none = lambda_.update_alias(FunctionName=NAME, Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    alone = {invoke(name=f"{ARN}:live")[0]["ExecutedVersion"] for _ in range(8)}
    lambda_.create_alias(FunctionName=NAME, Name="canary", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {"3": 1.0}})
    through = lambda_.get_function(FunctionName=NAME, Qualifier="canary")["Configuration"]
    of_two = lambda_.list_aliases(FunctionName=NAME, FunctionVersion="2")["Aliases"]
    return {
        "live": [live["AliasArn"] == f"{ARN}:live", live["FunctionVersion"], live["Description"], "RoutingConfig" in live],
        "half": half["RoutingConfig"],
        "ran": sorted(ran),
        "kept": [kept["RoutingConfig"], kept["Description"], kept["RevisionId"] == half["RevisionId"]],
        "none": "RoutingConfig" in none,
        "alone": sorted(alone),
        "got": lambda_.get_alias(FunctionName=NAME, Name="live")["RevisionId"] == none["RevisionId"],
        "listed": [it["Name"] for it in lambda_.list_aliases(FunctionName=NAME)["Aliases"]],
        "through": [through["FunctionArn"] == f"{ARN}:canary", through["Version"]],
        "of_two": [it["Name"] for it in of_two],
        "all of three": {invoke(Qualifier="canary")[0]["ExecutedVersion"] for _ in range(8)} == {"3"},
    }


def invoking():
    good, order = invoke(Qualifier="1", LogType="Tail")
    log = base64.b64decode(good["LogResult"]).decode()
    bad, told = invoke({"order_id": ""})
    nothing = json.loads(lambda_.invoke(FunctionName=NAME)["Payload"].read())
    dry = lambda_.invoke(FunctionName=NAME, InvocationType="DryRun")
    event = lambda_.invoke(FunctionName=NAME, InvocationType="Event", Payload=json.dumps(ORDER))
    return {
        "good": [good["StatusCode"], good["ExecutedVersion"], order["payment_method"], "FunctionError" in good],
        "log": [line.split(" ")[0] for line in log.splitlines()],
        "request": good["ResponseMetadata"]["RequestId"] in log,
        "bad": [bad["StatusCode"], bad["FunctionError"], bad["ExecutedVersion"], told["errorType"]],
        "nothing": nothing["errorType"],
        "dry": dry["StatusCode"],
        "event": event["StatusCode"],
    }


def errors():
    get, code, alias = lambda_.get_function, lambda_.update_function_code, lambda_.create_alias
    publish, delete, call = lambda_.publish_version, lambda_.delete_function, lambda_.invoke
    route = lambda **weights: {"AdditionalVersionWeights": {key[1:]: weight for key, weight in weights.items()}}
    latest = get(FunctionName=NAME)["Configuration"]["CodeSha256"]
    told = [
        refused(get, FunctionName="Nobody"),
        refused(get, FunctionName="Nobody", Qualifier="live"),
        refused(get, FunctionName=NAME, Qualifier="9"),
        refused(get, FunctionName=f"{NAME}:1", Qualifier="2"),
        refused(get, FunctionName=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{NAME}"),
        refused(get, FunctionName=f"arn:aws:lambda:{REGION}:210987654321:function:{NAME}"),
        refused(call, FunctionName="Nobody"),
        refused(call, FunctionName=NAME, Qualifier="nobody"),
        refused(call, FunctionName=NAME, Qualifier="nobody", InvocationType="Event"),
        refused(call, FunctionName="Nobody", InvocationType="DryRun"),
        refused(call, FunctionName=NAME, Payload=b'{"a": tru}'),
        refused(call, FunctionName=NAME, Payload=b'{"a": "\xff"}'),
        refused(call, FunctionName=NAME, Payload=b" " * 1_048_577, InvocationType="Event"),
        refused(call, FunctionName=NAME, Payload=b" " * 6_291_457),
        refused(call, FunctionName=NAME, TenantId="a"),
        refused(code, FunctionName="Nobody", ZipFile=component),
        refused(code, FunctionName=f"{NAME}:1", ZipFile=component),
        refused(code, FunctionName=NAME, ZipFile=b""),
        refused(code, FunctionName=NAME, ZipFile=b"hello"),
        refused(code, FunctionName=NAME, ZipFile=b"x" * 52_700_000),
        refused(code, FunctionName=NAME, ZipFile=zipped(component)[:-30]),
        refused(code, FunctionName=NAME, ZipFile=zipped(component, "index.js")),
        refused(code, FunctionName=NAME, ZipFile=component, RevisionId="another"),
        refused(code, FunctionName=NAME, S3Bucket="bucket", S3Key="key"),
        refused(code, FunctionName=NAME, ImageUri="image"),
        refused(code, FunctionName=NAME, ZipFile=component, PublishTo="LATEST_PUBLISHED"),
        refused(code, FunctionName=NAME),
        refused(publish, FunctionName=NAME, RevisionId="another"),
        refused(publish, FunctionName=NAME, CodeSha256="bm9uZQ=="),
        refused(alias, FunctionName="Nobody", Name="a", FunctionVersion="1"),
        refused(alias, FunctionName=NAME, Name="live", FunctionVersion="1"),
        refused(alias, FunctionName=NAME, Name="a", FunctionVersion="9"),
        refused(alias, FunctionName=NAME, Name="a", FunctionVersion="1", RoutingConfig=route(_9=0.5)),
        refused(alias, FunctionName=NAME, Name="a", FunctionVersion="1", RoutingConfig=route(_2=0.5, _3=0.5)),
        refused(alias, FunctionName=NAME, Name="a", FunctionVersion="1", RoutingConfig=route(_1=0.5)),
        refused(alias, FunctionName=NAME, Name="a", FunctionVersion="$LATEST", RoutingConfig=route(_1=0.5)),
        refused(alias, FunctionName=NAME, Name="a", FunctionVersion="1", RoutingConfig=route(_2=2.0)),
        refused(lambda_.get_alias, FunctionName=NAME, Name="nobody"),
        refused(lambda_.update_alias, FunctionName=NAME, Name="nobody", Description=""),
        refused(lambda_.update_alias, FunctionName=NAME, Name="live", RevisionId="another"),
        refused(delete, FunctionName=NAME),
        refused(delete, FunctionName="Nobody", Qualifier="1"),
        refused(delete, FunctionName=NAME, Qualifier="$LATEST"),
        refused(delete, FunctionName=NAME, Qualifier="live"),
        refused(delete, FunctionName=NAME, Qualifier="3"),
        refused(lambda_.list_functions, Marker="forged"),
        refused(lambda_.create_function, FunctionName="New", Role="arn:aws:iam::123456789012:role/r", Code={"ZipFile": component}),
        refused(lambda_.update_function_configuration, FunctionName=NAME, Timeout=3),
    ]
    return [": ".join(it).replace(latest, "(its own)") for it in told]


def ungranted_code():
    error, message = refused(lambda_.update_function_code, FunctionName=NAME, ZipFile=ungranted)
    latest = lambda_.get_function_configuration(FunctionName=NAME)
    return [error, "grants" in message, latest["CodeSha256"] == sha256(variant(component, "three"))]


def deleting():
    lambda_.delete_alias(FunctionName=NAME, Name="canary")
    lambda_.delete_alias(FunctionName=NAME, Name="canary")
    lambda_.delete_function(FunctionName=NAME, Qualifier="2")
    lambda_.delete_function(FunctionName=f"{ARN}:2")
    left = [it["Version"] for it in lambda_.list_versions_by_function(FunctionName=NAME)["Versions"]]
    lambda_.update_function_code(FunctionName=NAME, ZipFile=variant(component, "four"))
    return [left, lambda_.publish_version(FunctionName=NAME)["Version"]]


for part in (functions, publishing, aliases, invoking, errors, ungranted_code, deleting):
    seen[part.__name__] = part()
seen["checked"] = len(checked)
print(json.dumps(seen))
