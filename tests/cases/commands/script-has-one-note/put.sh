#!/bin/sh
# aws iam create-policy
aws iam put-role-policy --role-name r --policy-document "$1"
aws iam attach-role-policy --role-name r
