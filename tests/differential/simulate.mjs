// Answers requests by iam-simulate. Each line that comes in is a JSON object: `identity`, `boundary` (or null) and
// `control` (one list of policies for each level of the organization) are policy documents, `requests` say what is asked.
// Each line that goes out is a list of answers in the same order: "Allowed", "ImplicitlyDenied", "ExplicitlyDenied", or
// "refused: …" where the simulator takes the policies or the request for malformed.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const named = (documents) => documents.map((policy, index) => ({ name: `policy ${index}`, policy }))

async function answer(principal, request) {
  const result = await runSimulation(
    {
      request: {
        principal: request.principal,
        action: request.action,
        resource: { resource: request.resource, accountId: request.resource.split(':')[4] },
        contextVariables: request.context
      },
      identityPolicies: named(principal.identity),
      permissionBoundaryPolicies: principal.boundary === null ? undefined : named([principal.boundary]),
      serviceControlPolicies: principal.control.map((level, index) => ({
        orgIdentifier: `level ${index}`,
        policies: named(level)
      })),
      resourceControlPolicies: []
    },
    {}
  )
  if (result.resultType === 'error') {
    const { message, ...details } = result.errors
    const reasons = Object.values(details).flatMap((errors) => Object.values(errors).flat())
    return `refused: ${[...new Set(reasons.map((one) => one.message))].join('; ') || message}`
  }
  const ignored = result.result?.ignoredContextKeys ?? []
  return ignored.length ? `refused: no such key: ${ignored.join(', ')}` : result.overallResult
}

for await (const line of createInterface({ input: process.stdin, terminal: false })) {
  const principal = JSON.parse(line)
  const answers = []
  for (const request of principal.requests) {
    answers.push(await answer(principal, request).catch((error) => `refused: ${error.message}`))
  }
  process.stdout.write(`${JSON.stringify(answers)}\n`)
}
